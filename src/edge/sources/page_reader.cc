#include "edge/sources/page_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/base/check.h"

namespace tidegate {

namespace {

constexpr std::string_view start_time_name = "process_start_time_seconds";
constexpr std::size_t buckets_max = 512;

enum class Part : std::uint8_t { value, bucket, sum, start_time };

// What a name on the page feeds: one part of one alias of one metric.
struct Feed {
  std::size_t metric = 0;
  std::size_t alias = 0;
  Part part = Part::value;
};

struct Column {
  bool seen = false;
  double sum = 0;  // of the values, or of a histogram's sums
  std::size_t series = 0;
  std::vector<HistogramBucket> buckets;
  std::size_t next = 0;  // where the next bucket of a page in order goes

  void clear() {
    seen = false;
    sum = 0;
    series = 0;
    buckets.clear();
    next = 0;
  }
};

std::vector<Feed> feeds_of(const Preset& preset) {
  std::vector<Feed> feeds;
  for (std::size_t m = 0; m < preset.metrics.size(); ++m) {
    const PresetMetric& metric = preset.metrics[m];
    for (std::size_t a = 0; a < aliases_max && !metric.names[a].empty(); ++a) {
      if (metric.type != MetricType::histogram) {
        feeds.push_back({m, a, Part::value});
        continue;
      }
      feeds.push_back({m, a, Part::bucket});
      feeds.push_back({m, a, Part::sum});
    }
  }
  feeds.push_back({0, 0, Part::start_time});
  return feeds;
}

std::vector<std::string> names_of(const Preset& preset, const std::vector<Feed>& feeds) {
  std::vector<std::string> names;
  for (const Feed& feed : feeds) {
    if (feed.part == Part::start_time) {
      names.emplace_back(start_time_name);
      continue;
    }
    std::string name{preset.metrics[feed.metric].names[feed.alias]};
    if (feed.part == Part::bucket) name += "_bucket";
    if (feed.part == Part::sum) name += "_sum";
    names.push_back(std::move(name));
  }
  return names;
}

std::optional<double> bound_of(std::string_view labels) {
  // Clients write `le` last; anything else goes the long way.
  if (labels.ends_with('"')) {
    const std::size_t open = labels.rfind('"', labels.size() - 2);
    if (labels.size() >= 2 && open != std::string_view::npos && open >= 3 && labels.substr(open - 3, 3) == "le=" &&
        (open == 3 || labels[open - 4] == ',' || labels[open - 4] == ' '))
      return parse_sample_value(labels.substr(open + 1, labels.size() - open - 2));
  }
  const auto text = find_label(labels, "le");
  return text ? parse_sample_value(*text) : std::nullopt;
}

std::string without_label(std::string_view labels, std::string_view name) {
  std::string rest;
  LabelCursor cursor{labels};
  while (const auto label = cursor.next())
    if (label->name != name) ((((rest += label->name) += '=') += '"') += label->value) += "\",";
  return rest;
}

}  // namespace

class PageReader::Columns {
 public:
  explicit Columns(const Preset& preset)
      : preset_(preset), feeds_(feeds_of(preset)), columns_(preset.metrics.size() * aliases_max) {}

  [[nodiscard]] std::vector<std::string> names() const { return names_of(preset_, feeds_); }

  void clear() {
    for (Column& column : columns_) column.clear();
    ranks_.clear();
    epoch_ = 0;
    broken_ = false;
  }

  void put(int name, const SeriesSample& sample) {
    if (preset_.rank_label.empty()) {
      put_now(name, sample.labels, sample.value);
      return;
    }
    auto [at, is_new] = ranks_.try_emplace({name, without_label(sample.labels, preset_.rank_label)}, sample.value);
    // A NaN of one rank must not hide in a comparison.
    if (!is_new) at->second = std::isnan(at->second) || at->second > sample.value ? at->second : sample.value;
  }

  void finish() {
    for (const auto& [key, value] : ranks_) put_now(key.first, key.second, value);
  }

  [[nodiscard]] bool is_broken() const { return broken_; }

  [[nodiscard]] SignalFinding find(std::size_t m) {
    const PresetMetric& metric = preset_.metrics[m];
    SignalFinding finding{.metric = &metric};
    for (std::size_t a = 0; a < aliases_max && !metric.names[a].empty(); ++a) {
      Column& column = columns_[m * aliases_max + a];
      if (!column.seen) continue;
      finding.name = metric.names[a];
      finding.quality = Quality::fresh;
      if (metric.type == MetricType::histogram) {
        set_histogram(finding, column);
      } else {
        const double count = metric.combine == SeriesCombine::mean ? static_cast<double>(column.series) : 1.0;
        set_number(finding, metric.scale * column.sum / count);
      }
      break;
    }
    return finding;
  }

 private:
  void put_now(int name, std::string_view labels, double value) {
    const Feed& feed = feeds_[static_cast<std::size_t>(name)];
    if (feed.part == Part::start_time) {
      // Several processes on a page: the sum changes when any of them restarts.
      if (std::isfinite(value) && value >= 0 && value < 1e12) epoch_ += static_cast<std::uint64_t>(value * 1000);
      return;
    }
    Column& column = columns_[feed.metric * aliases_max + feed.alias];
    if (feed.part == Part::bucket) {
      put_bucket(column, labels, value);
      return;
    }
    column.sum += value;
    ++column.series;
    if (feed.part == Part::value) column.seen = true;
  }

  void put_bucket(Column& column, std::string_view labels, double value) {
    const auto bound = bound_of(labels);
    if (!bound || std::isnan(*bound)) {
      broken_ = true;
      return;
    }
    column.seen = true;
    std::vector<HistogramBucket>& buckets = column.buckets;
    if (column.next >= buckets.size() || buckets[column.next].upper != *bound) {
      const auto at = std::ranges::lower_bound(buckets, *bound, {}, &HistogramBucket::upper);
      column.next = static_cast<std::size_t>(at - buckets.begin());
      if (at == buckets.end() || at->upper != *bound) {
        if (buckets.size() >= buckets_max) {
          broken_ = true;
          return;
        }
        buckets.insert(at, {.upper = *bound});
      }
    }
    buckets[column.next].cumulative += value;
    ++column.next;
  }

  void set_number(SignalFinding& finding, double value) const {
    if (!std::isfinite(value)) {
      finding.quality = Quality::nan;
      return;
    }
    if (finding.metric->type == MetricType::gauge)
      finding.value = Gauge{value};
    else
      finding.value = Counter{value, epoch_};
  }

  void set_histogram(SignalFinding& finding, const Column& column) const {
    Histogram histogram{.buckets = column.buckets, .sum = column.sum * finding.metric->scale, .epoch = epoch_};
    for (HistogramBucket& bucket : histogram.buckets) {
      bucket.upper *= finding.metric->scale;
      if (std::isnan(bucket.cumulative)) finding.quality = Quality::nan;
    }
    if (finding.quality == Quality::fresh) finding.value = std::move(histogram);
  }

  const Preset& preset_;
  std::vector<Feed> feeds_;
  std::vector<Column> columns_;
  std::map<std::pair<int, std::string>, double> ranks_;
  std::uint64_t epoch_ = 0;
  bool broken_ = false;
};

PageReader::PageReader(const Preset& preset, ExpositionLimits limits)
    : preset_(preset),
      columns_(std::make_unique<Columns>(preset)),
      names_(columns_->names()),
      scanner_(names_, limits) {}

PageReader::~PageReader() = default;

Result<std::vector<SignalFinding>> PageReader::read(std::string_view page) {
  columns_->clear();
  const auto summary =
      scanner_.scan(page, [this](int name, const SeriesSample& sample) { columns_->put(name, sample); });
  if (!summary) return std::unexpected(summary.error());
  columns_->finish();
  if (columns_->is_broken())
    return fail(ErrorKind::failed,
                fmt::format("a histogram of the metrics page has a bucket without a bound, or more than {} buckets",
                            buckets_max));
  std::vector<SignalFinding> findings;
  for (std::size_t m = 0; m < preset_.metrics.size(); ++m) findings.push_back(columns_->find(m));
  return findings;
}

namespace {

std::string tried_names(const PresetMetric& metric) {
  std::string tried;
  for (std::string_view name : metric.names)
    if (!name.empty()) (tried += tried.empty() ? "" : ", ") += name;
  return tried;
}

Sample sample_for(const PresetMetric& metric, const ScrapeTarget& replica, const SampleStamp& stamp) {
  return {.service = replica.service,
          .replica = replica.replica,
          .pool = replica.pool,
          .signal = metric.signal,
          .taken = stamp.taken,
          .origin = Origin::replica,
          .period = stamp.period};
}

}  // namespace

std::vector<Sample> samples_of(const std::vector<SignalFinding>& findings, const ScrapeTarget& replica,
                               const SampleStamp& stamp) {
  std::vector<Sample> samples;
  for (const SignalFinding& finding : findings) {
    Sample sample = sample_for(*finding.metric, replica, stamp);
    sample.value = finding.value;
    sample.quality = finding.quality;
    if (finding.quality == Quality::absent) sample.cause = "not on the page: " + tried_names(*finding.metric);
    if (finding.quality == Quality::nan) sample.cause = std::string{finding.name} + " is not a number";
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::vector<Sample> samples_of_error(const Preset& preset, const Error& error, const ScrapeTarget& replica,
                                     const SampleStamp& stamp) {
  std::vector<Sample> samples;
  for (const PresetMetric& metric : preset.metrics) {
    Sample sample = sample_for(metric, replica, stamp);
    sample.quality = Quality::error;
    sample.cause = error.message;
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::string findings_text(const std::vector<SignalFinding>& findings) {
  std::string text;
  for (const SignalFinding& finding : findings) {
    const std::string_view signal = to_text(finding.metric->signal);
    if (finding.quality == Quality::absent)
      text += fmt::format("missing  {:<14} looked for {}\n", signal, tried_names(*finding.metric));
    else if (finding.quality == Quality::nan)
      text += fmt::format("nan      {:<14} {}\n", signal, finding.name);
    else
      text += fmt::format("found    {:<14} {}\n", signal, finding.name);
  }
  return text;
}

}  // namespace tidegate
