#include "edge/sources/sample_board.h"

#include <algorithm>
#include <utility>

namespace tidegate {

void SampleBoard::put(const std::string& key, std::vector<Sample> samples) {
  const std::scoped_lock lock{mutex_};
  samples_[key] = std::move(samples);
}

void SampleBoard::retain(const std::function<bool(const std::string& key)>& keep) {
  const std::scoped_lock lock{mutex_};
  std::erase_if(samples_, [&](const auto& entry) { return !keep(entry.first); });
}

std::vector<Sample> SampleBoard::all() const {
  const std::scoped_lock lock{mutex_};
  std::vector<Sample> all;
  for (const auto& [key, samples] : samples_) all.insert(all.end(), samples.begin(), samples.end());
  return all;
}

RoundThread::RoundThread(Round round)
    : round_(std::move(round)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

RoundThread::~RoundThread() {
  thread_.request_stop();
  thread_.join();
}

void RoundThread::wake() {
  {
    const std::scoped_lock lock{mutex_};
    woken_ = true;
  }
  waiting_.notify_one();
}

void RoundThread::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Duration pause = std::clamp<Duration>(round_(stop), 1ms, 1h);
    std::unique_lock lock{mutex_};
    waiting_.wait_for(lock, stop, pause, [this] { return woken_; });
    woken_ = false;
  }
}

}  // namespace tidegate
