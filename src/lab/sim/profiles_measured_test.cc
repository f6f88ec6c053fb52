// Holds the engine, driven by each measured profile, against the measurements it was fitted to: published latencies in
// ../shared/profiles, which is not part of the project. Skipped, saying so, where they are not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "lab/sim/profiles.h"

namespace tidegate {
namespace {

constexpr double mean_error_max = 0.05;     // over all rows
constexpr double profile_error_max = 0.15;  // over those of one profile: a slip in the table shows

using Row = std::map<std::string, std::string, std::less<>>;

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"')
      quoted = !quoted;
    else if (c == '\r')
      continue;
    else if (c == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += c;
  }
  return fields;
}

std::vector<Row> measured_rows() {
  std::ifstream file(TIDEGATE_SOURCE_DIR "/../shared/profiles/gpu_profiles.csv");
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);
  const auto columns = split(line);
  while (std::getline(file, line)) {
    const auto fields = split(line);
    Row row;
    for (std::size_t i = 0; i < columns.size() && i < fields.size(); ++i) row[columns[i]] = fields[i];
    if (row["kind"] == "measured") rows.push_back(std::move(row));
  }
  return rows;
}

std::optional<double> number(const Row& row, std::string_view column) {
  const auto found = row.find(column);
  if (found == row.end() || found->second.empty()) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(found->second.c_str(), &end);
  return *end == '\0' ? std::optional{value} : std::nullopt;
}

bool is_measured_by(const Profile& profile, const Row& row) {
  const std::string& source = row.at("source");
  const auto from = [&](std::string_view word) { return source.find(word) != std::string::npos; };
  if (profile.source == "model-trainer") return from("model-trainer");
  if (profile.source == "server-sim") return from("server-sim");
  if (profile.source == "dynamo") return from("ai-dynamo/dynamo");
  std::string gpu = row.at("accelerator").substr(0, 4);
  std::ranges::transform(gpu, gpu.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::string& precision = row.at("precision");
  const std::string& version = row.at("engine_version");
  return from("silicon_sample") && profile.model.starts_with(row.at("model")) && profile.gpu.starts_with(gpu) &&
         std::to_string(profile.gpus) == row.at("tp") &&
         profile.precision == (precision == "(unset)" ? "bf16" : precision) && profile.server == row.at("engine") &&
         profile.server_version == (version.empty() ? "-" : version);
}

struct Course {
  Duration begun{}, first{}, last{};
  double output = 0;
};

// Mean time between tokens of the requests that end after the warm-up.
class Meter {
 public:
  explicit Meter(const Profile& profile) : engine_(engine_profile(profile)) {}

  void add(double input, double output) {
    ASSERT_EQ(engine_.add({.id = courses_.size(),
                           .input_tokens = static_cast<std::int32_t>(input),
                           .output_tokens = static_cast<std::int32_t>(output)}),
              EngineAnswer::queued);
    courses_.push_back({.begun = now_, .output = output});
  }
  void run(Duration limit) {
    events_.clear();
    now_ += engine_.leap(limit, events_);
    for (const EngineEvent& event : events_) {
      if (event.is_first) courses_[event.request].first = now_;
      if (event.is_last) end(courses_[event.request]);
    }
  }
  void wait(Duration idle) { now_ += idle; }
  [[nodiscard]] bool is_idle() const { return engine_.is_idle(); }
  [[nodiscard]] Duration now() const { return now_; }
  [[nodiscard]] std::size_t ended() const { return ended_; }
  void warm_up_ends() { gaps_ = tokens_ = 0; }
  [[nodiscard]] double itl_ms() const { return gaps_ / tokens_ * 1e3; }

 private:
  void end(Course& course) {
    course.last = now_;
    ++ended_;
    if (course.output < 2) return;
    gaps_ += seconds(course.last - course.first) / (course.output - 1);
    tokens_ += 1;
  }

  Engine engine_;
  std::vector<EngineEvent> events_;
  std::vector<Course> courses_;
  Duration now_{};
  std::size_t ended_ = 0;
  double gaps_ = 0, tokens_ = 0;
};

// A closed loop of c requests. They begin spread over a request's length, as they are once it has run for a while.
double closed_loop(const Profile& profile, double c, double input, double output) {
  Meter meter(profile);
  const auto count = static_cast<std::size_t>(c);
  for (std::size_t i = 0; i < count; ++i)
    meter.add(input, std::ceil(output * static_cast<double>(i + 1) / static_cast<double>(count)));
  std::size_t begun = count;
  for (const std::size_t rounds : {2 * count, std::max<std::size_t>(2 * count, 16)}) {
    meter.warm_up_ends();
    for (const std::size_t until = meter.ended() + rounds; meter.ended() < until;) {
      meter.run(1h);
      for (; begun < meter.ended() + count; ++begun) meter.add(input, output);
    }
  }
  return meter.itl_ms();
}

// Requests at a steady rate, whatever becomes of them, for so many of them.
double open_loop(const Profile& profile, double rate, double input, double output) {
  Meter meter(profile);
  const Duration gap = from_seconds(1 / rate);
  // Long enough for several lengths of a request, that its beginning does not count.
  const double length = output * (profile.alpha_ms + 30) * 1e-3;
  const auto count = static_cast<int>(std::clamp(rate * length * 3, 30.0, 4000.0));
  for (int i = 0; i < count; ++i) {
    while (meter.now() < gap * i) {
      if (meter.is_idle())
        meter.wait(gap * i - meter.now());
      else
        meter.run(gap * i - meter.now());
    }
    meter.add(input, output);
    if (i == count / 2) meter.warm_up_ends();
  }
  return meter.itl_ms();
}

// One step of a full batch that only decodes.
double decode_step(const Profile& profile, double c, double context) {
  return profile.alpha_ms + c * (profile.beta_ms + profile.gamma_ms * context);
}

struct Error {
  double sum = 0, rows = 0;
  void add(double modelled, double measured) { sum += std::abs(modelled - measured) / measured, ++rows; }
  [[nodiscard]] double mean() const { return rows > 0 ? sum / rows : 0; }
};

void compare(const Profile& profile, const Row& row, Error& error) {
  const auto itl = number(row, "itl_ms"), input = number(row, "isl"), output = number(row, "osl");
  const auto concurrency = number(row, "batch_or_concurrency"), rate = number(row, "req_per_s");
  if (!itl || !input) return;
  if (profile.source == "dynamo") {
    if (concurrency) error.add(decode_step(profile, *concurrency, *input), *itl);
  } else if (concurrency && output) {
    error.add(closed_loop(profile, *concurrency, std::round(*input), std::round(*output)), *itl);
  } else if (rate && output && row.at("note").find("warmup") == std::string::npos) {
    error.add(open_loop(profile, *rate, std::round(*input), std::round(*output)), *itl);
  }
}

TEST(profiles_measured, the_engine_follows_measured_step_times) {
  const auto rows = measured_rows();
  if (rows.empty()) GTEST_SKIP() << "no measurements in ../shared/profiles: nothing to hold the profiles against";
  Error all;
  for (const Profile& profile : profiles()) {
    if (profile.basis != ProfileBasis::measured) continue;
    Error error;
    for (const Row& row : rows)
      if (is_measured_by(profile, row)) compare(profile, row, error);
    EXPECT_GT(error.rows, 0) << profile.name << " has no measurements";
    EXPECT_LE(error.mean(), profile_error_max) << profile.name;
    printf("%-34s %5.1f %% of %4.0f rows\n", std::string{profile.name}.c_str(), error.mean() * 100, error.rows);
    all.sum += error.sum;
    all.rows += error.rows;
  }
  printf("%-34s %5.2f %% of %4.0f rows\n", "all", all.mean() * 100, all.rows);
  RecordProperty("mean_error_percent", std::to_string(all.mean() * 100));
  EXPECT_LE(all.mean(), mean_error_max);
}

}  // namespace
}  // namespace tidegate
