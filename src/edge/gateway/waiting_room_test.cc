#include "edge/gateway/waiting_room.h"

#include <gtest/gtest.h>

#include <array>

namespace tidegate {
namespace {

Instant at(double s) { return instant_at(s); }

struct WaitingRoomTest : ::testing::Test {
  Held& arrive(std::size_t i, double time, Duration patience = 50s, std::int64_t bytes = 100) {
    held[i].arrival = at(time);
    held[i].deadline = at(time) + patience;
    held[i].bytes = bytes;
    return held[i];
  }
  Admission admit(std::size_t i, double time, Duration patience = 50s, std::int64_t bytes = 100) {
    return room.admit(arrive(i, time, patience, bytes), spec, outlook, at(time));
  }
  WaitingRoom room;
  HoldSpec spec;
  ServiceOutlook outlook;
  std::array<Held, 8> held;
};

TEST_F(WaitingRoomTest, KeepsTheOrderOfArrival) {
  for (std::size_t i = 0; i < 3; ++i) ASSERT_EQ(admit(i, static_cast<double>(i)), Admission::held);
  room.remove(held[1]);
  EXPECT_EQ(room.front(), &held[0]);
  room.remove(held[0]);
  EXPECT_EQ(room.front(), &held[2]);
  EXPECT_EQ(room.bytes(), 100);
}

TEST_F(WaitingRoomTest, PutsBackBeforeThoseWhoCameLater) {
  ASSERT_EQ(admit(1, 1), Admission::held);
  ASSERT_EQ(admit(2, 3), Admission::held);
  room.put_back(arrive(0, 2));
  room.remove(held[1]);
  EXPECT_EQ(room.front(), &held[0]);
}

TEST_F(WaitingRoomTest, IsBoundedByCountAndBytes) {
  spec.max_requests = 2;
  EXPECT_EQ(admit(0, 0), Admission::held);
  EXPECT_EQ(admit(1, 0), Admission::held);
  EXPECT_EQ(admit(2, 0), Admission::full);
  spec.max_requests = 10;
  spec.max_bytes = Bytes{250};
  EXPECT_EQ(admit(2, 0), Admission::full);
  EXPECT_EQ(admit(2, 0, 50s, 50), Admission::held);
  EXPECT_FALSE(room.grow(held[2], 1, spec));
  room.remove(held[2]);
  EXPECT_EQ(room.bytes(), 200);
}

TEST_F(WaitingRoomTest, ExpiresByAgeAndByTheRequestsOwnPatience) {
  ASSERT_EQ(admit(0, 0, 50s), Admission::held);
  ASSERT_EQ(admit(1, 1, 5s), Admission::held);
  EXPECT_EQ(room.next_expiry(), at(6));
  EXPECT_EQ(room.take_expired(at(5.9)), nullptr);
  EXPECT_EQ(room.take_expired(at(6)), &held[1]);
  EXPECT_EQ(room.take_expired(at(49.9)), nullptr);
  EXPECT_EQ(room.take_expired(at(50)), &held[0]);
  EXPECT_EQ(room.next_expiry(), Instant::max());
}

TEST_F(WaitingRoomTest, RefusesTheHopelessAtOnce) {
  // At zero replicas with one on its way in a minute, nobody with 50 s of patience may wait.
  outlook = {.slots = 0, .time_to_ready = 60s};
  EXPECT_EQ(admit(0, 0), Admission::hopeless);
  outlook.time_to_ready = 40s;
  EXPECT_EQ(admit(0, 0), Admission::held);
  // Unknown is not never.
  outlook.time_to_ready = 0s;
  EXPECT_EQ(admit(1, 0), Admission::held);
  EXPECT_EQ(admit(2, 0, 0s), Admission::hopeless);
}

TEST_F(WaitingRoomTest, RefusesWhoseTurnComesTooLate) {
  // Two wait, one slot, 20 s a request: the third's turn comes after 60 s.
  outlook = {.slots = 1, .service_mean = 20s};
  ASSERT_EQ(admit(0, 0), Admission::held);
  ASSERT_EQ(admit(1, 0), Admission::held);
  EXPECT_EQ(admit(2, 0), Admission::hopeless);
  // A replica that comes in time may change that.
  outlook.time_to_ready = 30s;
  EXPECT_EQ(admit(2, 0), Admission::held);
}

TEST(RetryAfter, IsTheTimeToTheNextReplicaWithinAMinute) {
  EXPECT_EQ(retry_after_seconds({.time_to_ready = 12500ms}, 3), 13);
  EXPECT_EQ(retry_after_seconds({.time_to_ready = 10ms}, 3), 1);
  EXPECT_EQ(retry_after_seconds({.time_to_ready = 600s}, 3), 60);
  EXPECT_EQ(retry_after_seconds({.slots = 2, .service_mean = 4s}, 9), 20);
  EXPECT_EQ(retry_after_seconds({}, 9), 5);
}

}  // namespace
}  // namespace tidegate
