// Waits for something a background thread will bring about, at most 20 s. Decisions are not tested so; arrival is.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace tidegate {

inline bool await(const std::function<bool()>& happened) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!happened()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace tidegate
