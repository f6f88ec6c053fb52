#include "app/signal_descriptor.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

namespace tidegate {

FileDescriptor open_signals(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return FileDescriptor{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

int next_signal(const FileDescriptor& signals) {
  signalfd_siginfo info{};
  const auto size = ::read(signals.get(), &info, sizeof info);
  return size == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace tidegate
