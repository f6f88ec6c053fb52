// Appends ticks and checkpoints as fast as it can until it is killed; says so on stdout once the first is on the disk.
//   test_writer PATH
#include <cstdio>

#include "serve/journal/journal.h"

int main(int argc, char** argv) {
  using namespace tidegate;
  if (argc != 2) return 2;
  const auto journal = Journal::open(argv[1]);
  if (!journal) return 1;
  for (std::int64_t tick = 1;; ++tick) {
    const Instant now{std::chrono::seconds(tick)};
    Decision decision{.now = now, .service = "chat", .verdict = tick % 2 == 0 ? Verdict::raise : Verdict::lower};
    (*journal)->append_tick(now, {Observation{.now = now, .service = "chat"}}, std::span(&decision, 1));
    // The state of tick n is n bytes of n, so that a torn one would show.
    if (tick % 10 == 0)
      (*journal)->checkpoint("chat", now,
                             std::vector<std::byte>(static_cast<std::size_t>(tick), static_cast<std::byte>(tick)));
    if (!(*journal)->flush(10s)) return 1;
    if (tick == 1) std::puts("writing"), std::fflush(stdout);
  }
}
