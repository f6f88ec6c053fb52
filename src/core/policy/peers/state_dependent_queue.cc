#include "core/policy/peers/state_dependent_queue.h"

#include <algorithm>

namespace tidegate {
namespace {

constexpr int batch_most = 256;
constexpr int queue_to_batch = 10;
constexpr int bisections = 40;
constexpr double rescale_above = 1e100;

double service_rate(const BatchQueue& queue, int n) { return n / (queue.base + queue.slope * n); }

}  // namespace

QueueFigures figures_at(const BatchQueue& queue, double rate) {
  const int batch = std::clamp(queue.batch, 1, batch_most);
  double p = 1, sum = 1, in_service = 0, waiting = 0;
  const auto add = [&](double served, double queued) {
    sum += p;
    in_service += served * p;
    waiting += queued * p;
    if (sum < rescale_above) return;
    p /= sum;
    in_service /= sum;
    waiting /= sum;
    sum = 1;
  };
  for (int n = 1; n <= batch; ++n) {
    p *= rate / service_rate(queue, n);
    add(n, 0);
  }
  const double ratio = rate / service_rate(queue, batch);
  for (int n = 1; n <= queue_to_batch * batch; ++n) {
    p *= ratio;
    add(batch, n);
  }
  const double admitted = rate * (1 - p / sum);
  return {.wait = admitted > 0 ? waiting / sum / admitted : 0, .concurrency = in_service / sum};
}

double largest_rate(const BatchQueue& queue, const QueueBounds& bounds) {
  const int batch = std::clamp(queue.batch, 1, batch_most);
  double low = 0.001 * service_rate(queue, 1), high = 0.999 * service_rate(queue, batch);
  const auto holds = [&](double rate) {
    const auto figures = figures_at(queue, rate);
    return figures.wait <= bounds.wait && figures.concurrency <= bounds.concurrency;
  };
  if (!holds(low)) return 0;
  if (holds(high)) return high;
  for (int i = 0; i < bisections; ++i) {
    const double middle = (low + high) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace tidegate
