// Plays our policy over many traces, peaks, cold starts and promises, and sets it beside a rate oracle and a ratio rule
// at equal attainment. A study tool, not a test:
//
//   core_policy_study [--peaks 24,3] [--colds 20,60,180,600] [--slos 99,99.9] [--seeds 1] [--days N] [--score SECONDS]
//                     [--burstiness 1] [--service 2] [--spread 0.5] [--cache FILE] [--trace SECONDS] [--leaders 1]
//                     [--follow K] RATES...
//
// RATES: a bin's length in seconds, then one rate (requests per second) a line; a negative length means counts that
// are played as they are. A rate is scaled so that its highest 10-minute mean needs the peak's replicas. Scored from
// --score on; without it from the second day when there are more than two, else from the start. With --cache the
// frontiers of the oracle and of the ratio rule are played too (once: they are kept in the file), and our hours are
// divided by theirs at our attainment. --trace prints our decisions so often; --leaders 1
// plays every candidate alone and prints what it did beside what its own plant says at the end.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "core/policy/testing/study_rules.h"

namespace tidegate::study {
namespace {

struct Options {
  std::vector<double> peaks{24, 3};
  std::vector<double> colds{20, 60, 180, 600};
  std::vector<double> slos{99, 99.9};
  std::vector<double> seeds{1};
  double days = 0;
  double score = -1;
  double burstiness = 1, service = 2, spread = 0.5, trace = 0, leaders = 0, follow = -1;
  std::string cache;
  std::vector<std::string> files;
};

std::vector<double> numbers(const std::string& text) {
  std::vector<double> values;
  std::istringstream stream{text};
  for (std::string part; std::getline(stream, part, ',');) values.push_back(std::atof(part.c_str()));
  return values;
}

Options read_options(int count, char** arguments) {
  Options options;
  const std::map<std::string, std::vector<double>*> lists{
      {"--peaks", &options.peaks}, {"--colds", &options.colds}, {"--slos", &options.slos}, {"--seeds", &options.seeds}};
  const std::map<std::string, double*> values{
      {"--days", &options.days},       {"--score", &options.score},   {"--burstiness", &options.burstiness},
      {"--service", &options.service}, {"--spread", &options.spread}, {"--trace", &options.trace},
      {"--leaders", &options.leaders}, {"--follow", &options.follow}};
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const std::string value = i + 1 < count ? arguments[i + 1] : "";
    if (const auto list = lists.find(argument); list != lists.end())
      *list->second = numbers(value), ++i;
    else if (const auto single = values.find(argument); single != values.end())
      *single->second = std::atof(value.c_str()), ++i;
    else if (argument == "--cache")
      options.cache = value, ++i;
    else
      options.files.push_back(argument);
  }
  return options;
}

Setup load(const std::string& path, const Options& options) {
  Setup setup{.burstiness = options.burstiness, .service = options.service, .spread = options.spread};
  std::ifstream file{path};
  file >> setup.bin;
  setup.exact = setup.bin < 0;
  setup.bin = std::abs(setup.bin);
  for (double rate = 0; file >> rate;) {
    setup.rates.push_back(rate);
    if (options.days > 0 && setup.length() >= options.days * 86400) break;
  }
  return setup;
}

std::string short_name(const std::string& path) {
  const auto slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  return name.substr(0, name.rfind('.'));
}

// Frontiers that were played before, one a line: key, then pairs of hours and attainment.
class Frontiers {
 public:
  explicit Frontiers(std::string path) : path_(std::move(path)) {
    std::ifstream file{path_};
    for (std::string line; std::getline(file, line);) {
      std::istringstream words{line};
      std::string key;
      words >> key;
      for (Outcome outcome; words >> outcome.hours >> outcome.attained;) known_[key].push_back(outcome);
    }
  }
  template <class Play>
  const std::vector<Outcome>& get(const std::string& key, Play play_all) {
    const auto found = known_.find(key);
    if (found != known_.end()) return found->second;
    const auto& outcomes = known_[key] = play_all();
    std::ofstream file{path_, std::ios::app};
    file << key;
    for (const Outcome& outcome : outcomes) file << ' ' << outcome.hours << ' ' << outcome.attained;
    file << '\n';
    return outcomes;
  }

 private:
  std::string path_;
  std::map<std::string, std::vector<Outcome>> known_;
};

// The least hours at which the frontier attains as much: between two points by the logarithm of what is missed.
double hours_at(std::vector<Outcome> frontier, double attained) {
  std::sort(frontier.begin(), frontier.end(), [](const Outcome& a, const Outcome& b) { return a.hours < b.hours; });
  const auto missed = [](double share) { return std::log(std::max(1 - share, 1e-6)); };
  double best = HUGE_VAL;
  const Outcome* below = nullptr;
  for (const Outcome& point : frontier) {
    if (point.attained < attained) {
      if (below == nullptr || point.attained > below->attained) below = &point;
      continue;
    }
    best = std::min(best, point.hours);
    if (below == nullptr) break;
    const double span = missed(below->attained) - missed(point.attained);
    const double part = span > 0 ? (missed(below->attained) - missed(attained)) / span : 1;
    best = std::min(best, below->hours + part * (point.hours - below->hours));
    break;
  }
  return best;
}

std::vector<Outcome> play_oracle(const Setup& setup, double warm_up) {
  std::vector<Outcome> outcomes;
  for (const double z : {-1.5, -0.75, -0.25, 0.25, 0.75, 1.5, 2.5, 4.0, 6.0, 10.0}) {
    RateOracle oracle{setup, z};
    outcomes.push_back(play(setup, oracle.initial(), warm_up, std::ref(oracle)));
    if (outcomes.back().attained > 0.9996) break;
  }
  return outcomes;
}

std::vector<Outcome> play_ratio(const Setup& setup, double warm_up) {
  std::vector<Outcome> outcomes;
  for (const double window : {60.0, 300.0, 1800.0})
    for (const double target : {0.95, 0.8, 0.65, 0.5, 0.35, 0.2}) {
      outcomes.push_back(play(setup, 1, warm_up, Ratio{target * slots, window}));
      if (outcomes.back().attained > 0.9996) break;
    }
  return outcomes;
}

void print_decision(double now, const Seen& counts, const Proposal& proposal) {
  std::printf("%7.0f ready %d+%d busy %.0f queue %.0f floor %.2f %s ceiling %.2f %s", now, counts.ready, counts.warming,
              counts.in_flight, counts.queued, proposal.band.floor.value(),
              std::string{to_text(proposal.band.floor_reason)}.c_str(), proposal.band.ceiling.value(),
              std::string{proposal.note}.c_str());
  for (const Fact& fact : proposal.facts) std::printf(" %s=%.4g", std::string{fact.name}.c_str(), fact.value);
  std::printf("\n");
}

// Logarithms of ratios, and how often the promise was kept.
struct Summary {
  double oracle = 0, oracle_at_target = 0, ratio = 0;
  int oracles = 0, ratios = 0, runs = 0, met = 0;

  void print(const std::string& name) const {
    if (runs == 0) return;
    std::printf("%-34s met %3d of %3d   of oracle %.3f (at target %.3f)   of tuned ratio %.3f\n", name.c_str(), met,
                runs, std::exp(oracle / std::max(oracles, 1)), std::exp(oracle_at_target / std::max(oracles, 1)),
                std::exp(ratio / std::max(ratios, 1)));
  }
};

class Study {
 public:
  explicit Study(const Options& options) : options_(options), frontiers_(options.cache) {}

  void run(const std::string& file, double peak, double cold, double seed) {
    Setup setup = load(file, options_);
    scale_to_peak(setup, peak);
    setup.cold = cold;
    setup.seed = static_cast<std::uint64_t>(seed);
    const double warm_up = options_.score >= 0 ? options_.score : (setup.length() > 2 * 86400 ? 86400 : 0);
    if (options_.leaders > 0) return follow_each(setup, warm_up);
    std::ostringstream key;
    key << short_name(file) << '|' << peak << '|' << cold << '|' << options_.days << '|' << warm_up << '|'
        << options_.burstiness << '|' << options_.service << '|' << options_.spread;
    for (const double slo : options_.slos) {
      Ours ours{setup, slo > 99.5 ? Percentile::p999 : Percentile::p99};
      if (options_.follow >= 0) ours.follow(static_cast<std::size_t>(options_.follow));
      const Outcome outcome = play(setup, 1, warm_up, [&](double now, const Seen& counts) {
        const int wanted = ours(now, counts);
        if (options_.trace > 0 && std::fmod(now, options_.trace) == 0) print_decision(now, counts, ours.last());
        return wanted;
      });
      std::printf("%-30.30s %4g %4g %5g %2g  %8.1f h %8.3f %% %c %5.0f %5.0f", short_name(file).c_str(), peak, cold,
                  slo, seed, outcome.hours, 100 * outcome.attained, outcome.attained >= slo / 100 ? ' ' : '!',
                  outcome.raises, outcome.lowers);
      Summary& sum = sums_[slo][cold];
      ++sum.runs;
      sum.met += outcome.attained >= slo / 100;
      if (!options_.cache.empty()) compare(setup, warm_up, key.str(), slo, outcome, sum);
      std::printf("\n");
      std::fflush(stdout);
    }
  }
  void print() const {
    for (const auto& [slo, colds] : sums_) {
      for (const auto& [cold, sum] : colds) {
        std::ostringstream name;
        name << "slo " << slo << " cold " << cold;
        sum.print(name.str());
      }
    }
  }

 private:
  static void follow_each(const Setup& setup, double warm_up) {
    for (std::size_t k = 0; k < candidate_count; ++k) {
      Ours ours{setup, Percentile::p99};
      ours.follow(k);
      const Outcome outcome = play(setup, 1, warm_up, std::ref(ours));
      const Candidate& candidate = candidates()[k];
      std::printf("  %2zu %-18s q %.4f %.2f hold %.2f head %.2f w %d %8.1f h %8.3f %%   late %.4f %% replicas %.2f\n",
                  k, std::string{rule_name(candidate)}.c_str(), candidate.floor_quantile, candidate.ceiling_quantile,
                  candidate.hold_share, candidate.headroom, static_cast<int>(candidate.window), outcome.hours,
                  100 * outcome.attained, 100 * late_share(ours.tuner(), k), mean_replicas(ours.tuner(), k));
      std::fflush(stdout);
    }
  }

  void compare(Setup setup, double warm_up, const std::string& key, double slo, const Outcome& ours, Summary& sum) {
    setup.seed = 1;
    const auto& oracle = frontiers_.get("oracle|" + key, [&] { return play_oracle(setup, warm_up); });
    const auto& ratio = frontiers_.get("ratio|" + key, [&] { return play_ratio(setup, warm_up); });
    const double equal = hours_at(oracle, std::min(ours.attained, 0.9995));
    const double target = hours_at(oracle, slo / 100);
    const double tuned = hours_at(ratio, std::min(ours.attained, 0.9997));
    std::printf("  oracle %.3f (at target %.3f)  tuned %.3f", ours.hours / equal, ours.hours / target,
                ours.hours / tuned);
    if (std::isfinite(equal) && std::isfinite(target)) {
      sum.oracle += std::log(ours.hours / equal);
      sum.oracle_at_target += std::log(ours.hours / target);
      ++sum.oracles;
    }
    if (std::isfinite(tuned)) sum.ratio += std::log(ours.hours / tuned), ++sum.ratios;
  }

  const Options& options_;
  Frontiers frontiers_;
  std::map<double, std::map<double, Summary>> sums_;  // by promise and cold start
};

int study(int count, char** arguments) {
  const Options options = read_options(count, arguments);
  if (options.files.empty()) {
    std::printf("usage: core_policy_study [options] RATES...   (see the head of slo_study_bench.cc)\n");
    return 2;
  }
  std::printf("%-30s %4s %4s %5s %2s  %10s %10s   raises lowers\n", "trace", "peak", "cold", "slo", "#", "ours",
              "attained");
  Study table{options};
  for (const std::string& file : options.files)
    for (const double peak : options.peaks)
      for (const double cold : options.colds)
        for (const double seed : options.seeds) table.run(file, peak, cold, seed);
  table.print();
  return 0;
}

}  // namespace
}  // namespace tidegate::study

int main(int count, char** arguments) { return tidegate::study::study(count, arguments); }
