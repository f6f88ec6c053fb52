// The arithmetic of our own policy: how many replicas a load needs. Pure leaves, no memory, no choice of quantile.
//
//   present  (busy + z(q) sqrt(busy * variability)) / slots            what is being served now, staffed
//   forecast rate'_q * residence / slots                               what is expected at the lead time
//   drain    max(busy, min(flow * residence, 1.5 busy)) / slots + late / (replica rate * time)   works a backlog off
//
// Units: requests, seconds, weighted replicas. More load never gives less need: where z is negative, busy + z sqrt(...)
// falls only while it is below zero, and no need is.
#pragma once

#include "core/capacity/capacity.h"
#include "core/forecast/forecast.h"
#include "core/model/slo.h"

namespace tidegate {

// What a service promises about waiting: seconds a request may wait before it begins, and the share that may miss.
struct WaitPromise {
  double slack = 2;         // seconds
  double allowance = 0.01;  // share of requests
};

// Of the objective with the strictest quantile. The first token needs part of a ttft bound (a fifth), the service
// itself part of a latency bound (the mean residence and half as much again); an itl bound promises nothing about
// waiting, so the default objective's 2 s stand.
[[nodiscard]] WaitPromise wait_promise(const Slo& slo, const Capacity& capacity);

struct ServiceLoad {
  double busy = 0;         // slots the present load fills at the slots' speed
  double momentary = 0;    // ... and those of the last moments: quicker, and noisier
  double flow = 0;         // requests per second of the last few seconds: quicker than busy, and noisier
  double queued = 0;       // not begun
  double variability = 1;  // variance over mean of arrivals
  double slots = 1;        // of one weighted replica
  double residence = 1;    // seconds a request stays at that concurrency
  double slack = 2;        // seconds a request may wait
  bool rate_known = true;  // false: only in-flight and queue are known

  // Requests per second of one weighted replica.
  [[nodiscard]] double replica_rate() const { return slots / residence; }
};

// Slots that `in_flight` requests on `ready` replicas would fill if each replica were packed to its slots: a fuller
// batch is slower, so the same requests stay longer. Worked: 8 in flight on 4 replicas, residence 1 + 0.1 c, 8 slots:
// c = 2, 8 * 1.8 / 1.2 = 12 slots, 1.5 replicas.
[[nodiscard]] double busy_slots(double in_flight, double ready, const Capacity& capacity);

// The spread counts up to half of the load (or the Poisson noise, if that is more).
[[nodiscard]] double present_need(const ServiceLoad& load, double quantile);

// Rates are forecast over ten seconds; slots are filled by what came over a residence and the slack, and noise over a
// longer window is less. With m the median, d = rate_q - m the deviation and p = z(q) sqrt(variability m / 10 s) the
// part of it that is noise, rate'_q = m + sqrt(d^2 - p^2 + p^2 10 s / window). Worked: m = 4/s, Poisson, q = 0.99
// (p = 1.47), d = 2, window 40 s: 4 + sqrt(4 - 2.16 + 0.54) = 5.54 instead of 6.
[[nodiscard]] double forecast_need(const ServiceLoad& load, const RateQuantiles& rate, double quantile);

struct Backlog {
  double ready = 0;   // weighted replicas that serve now
  double within = 0;  // seconds in which it is to be gone
};

// Replicas in total (so those already starting count) that serve the flow and work the late part of the queue off
// within that time, or the slack or the residence if longer. What starts within the slack is no backlog. Without a
// known rate each waiting request counts as a slot. Worked: 20/s, residence 2 s, 8 slots (4/s a replica), 500 queued, 1
// replica ready, slack 5 s, within 30 s: 5 + (500 - 20) / (4 * 30) = 9.
[[nodiscard]] double drain_need(const ServiceLoad& load, const Backlog& backlog);

// The time in which a backlog is cheapest worked off, where whoever comes meanwhile is late too. Within T it takes
// queued / (rate T) replicas more for a boot, and flow T requests are late, each worth serving 1 / allowance others
// (tuner.h): the sum is least at sqrt(wait boot allowance), wait = queued / flow. Worked: 50 s of waiting, a boot of
// 600 s, 99 %: 17 s. Infinite where the flow is not known.
[[nodiscard]] double recovery_time(const ServiceLoad& load, Duration boot, double allowance);

}  // namespace tidegate
