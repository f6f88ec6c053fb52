// A replica as the llm-d queueing model sees it: M/M/1/K with a service rate that depends on the batch.
//
//   mu(n) = n / residence(min(n, N)) * min(n, N) / n = min(n, N) / residence(min(n, N)),  residence(c) = base + slope c
//   p[n+1] = p[n] lambda / mu(n+1) for n < K = N + 10 N, then normalised
//   concurrency = sum of min(n, N) p[n];  wait = (sum of (n - N) p[n] over n > N) / (lambda (1 - p[K]))      by Little
//   largest rate: bisection for the most lambda in [0.001 mu(1), 0.999 mu(N)] that keeps wait and concurrency in bounds
//
// Worked: N = 1, one second a request, lambda = 0.5: M/M/1 with wait 1 s (K = 11 cuts off 0.06 %).
// Means only: no percentile of the wait is looked at. Units: seconds, requests.
#pragma once

namespace tidegate {

struct BatchQueue {
  double base = 1;   // seconds a request stays when alone, > 0
  double slope = 0;  // ... and more for each request beside it
  int batch = 1;     // N, 1 to 256
};

struct QueueFigures {
  double wait = 0;         // seconds, mean
  double concurrency = 0;  // mean in service
};

[[nodiscard]] QueueFigures figures_at(const BatchQueue& queue, double rate);

struct QueueBounds {
  double wait = 2;
  double concurrency = 1;
};

// Zero when even the least rate keeps no bound.
[[nodiscard]] double largest_rate(const BatchQueue& queue, const QueueBounds& bounds);

}  // namespace tidegate
