#include "lab/sim/traffic.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "lab/sim/traffic_bins.h"
#include "lab/sim/traffic_copies.h"
#include "lab/sim/traffic_feed.h"

namespace tidegate {
namespace {

using Next = Result<std::optional<TrafficRequest>>;

std::uint64_t hash_of(std::string_view name) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

// Requests from rows that are requests, thinned or repeated.
class CopyStream {
 public:
  CopyStream(Rows rows, const TrafficOptions& options)
      : rows_(std::move(rows)), scale_(options.scale), random_(Prng{options.seed}.split(1)) {}

  Next next() {
    while (!ended_ && (heap_.empty() || heap_.front().request.at > read_up_to_))
      if (auto read = read_row(); !read) return std::unexpected(read.error());
    if (heap_.empty()) return std::nullopt;
    std::ranges::pop_heap(heap_, later);
    TrafficRequest request = std::move(heap_.back().request);
    heap_.pop_back();
    return request;
  }

 private:
  struct Pending {
    TrafficRequest request;
    std::uint64_t order = 0;  // as they stand in the file, among equal times
  };
  static bool later(const Pending& a, const Pending& b) {
    return std::pair{a.request.at, a.order} > std::pair{b.request.at, b.order};
  }

  Result<void> read_row() {
    const auto found = rows_->next(row_);
    if (!found) return std::unexpected(found.error());
    ended_ = !*found;
    if (ended_) return {};
    read_up_to_ = row_.at;
    const std::uint64_t copies = scale_ == 1 ? 1 : scaled_count(1, scale_, random_);
    if (heap_.size() + copies > TrafficReader::copies_max)
      return fail(ErrorKind::too_large,
                  fmt::format("{}: a scale of {:.6g} makes more than {} requests within {}; take a smaller one",
                              rows_->lines().name(), scale_, TrafficReader::copies_max, to_text(copy_spread)));
    for (std::uint64_t copy = 0; copy < copies; ++copy) push(copy);
    return {};
  }

  void push(std::uint64_t copy) {
    TrafficRequest request{row_.at, row_.input_tokens, row_.output_tokens, {}, row_.session, row_.prefix};
    if (copy > 0) {
      request.at += from_seconds(random_.uniform() * seconds(copy_spread));
      if (!request.session.empty()) request.session += fmt::format("#{}", copy);
      for (auto& id : request.prefix) id ^= copy * 0x9e3779b97f4a7c15ULL;
    }
    heap_.push_back({std::move(request), order_++});
    std::ranges::push_heap(heap_, later);
  }

  Rows rows_;
  double scale_;
  Prng random_;
  TrafficRow row_;
  std::vector<Pending> heap_;
  std::uint64_t order_ = 0;
  Duration read_up_to_ = Duration::min();
  bool ended_ = false;
};

BinOptions bin_options(const TrafficOptions& options, Duration width) {
  return {.width = width, .burstiness = options.burstiness, .scale = options.scale};
}

// The bins of a rate file, in order and without overlap.
BinSource rate_bins(Rows rows, Duration width, TokenSizes sizes) {
  return [rows = std::move(rows), width, sizes, row = TrafficRow{},
          end = Duration::min()]() mutable -> Result<std::optional<TrafficBin>> {
    const auto found = rows->next(row);
    if (!found) return std::unexpected(found.error());
    if (!*found) return std::nullopt;
    if (row.at + 1us < end)
      return rows->lines().fail_at(0,
                                   fmt::format("the bin at {:.9g} s begins before the one above it ends; bins are {} "
                                               "wide, the difference of the first two rows",
                                               seconds(row.at), to_text(width)));
    end = row.at + width;
    return TrafficBin{row.at, requests_in(row, rows->format(), sizes)};
  };
}

class RateStream {
 public:
  RateStream(BinArrivals arrivals, const TrafficOptions& options)
      : arrivals_(std::move(arrivals)), sizes_(options.sizes), random_(Prng{options.seed}.split(3)) {}

  Next next() {
    const auto at = arrivals_.next();
    if (!at) return std::unexpected(at.error());
    if (!*at) return std::nullopt;
    const auto size = draw_size(sizes_, random_);
    return TrafficRequest{**at, size.input_tokens, size.output_tokens, {}, {}, {}};
  }

 private:
  BinArrivals arrivals_;
  TokenSizes sizes_;
  Prng random_;
};

class FunctionStream {
 public:
  FunctionStream(FunctionBins all, const TrafficOptions& options) {
    const Prng root = Prng{options.seed}.split(2);
    for (auto& [name, some] : all.bins) {
      // By name, so that a function alone sends what it sends among all.
      const Prng own = root.split(hash_of(name));
      auto source = [bins = std::move(some), at = std::size_t{0}]() mutable -> Result<std::optional<TrafficBin>> {
        if (at == bins.size()) return std::nullopt;
        return bins[at++];
      };
      functions_.push_back(
          {name, BinArrivals(std::move(source), bin_options(options, all.width), own.split(0)), own.split(1)});
    }
    sizes_ = options.sizes;
  }

  Next next() {
    if (!std::exchange(opened_, true))
      for (std::size_t i = 0; i < functions_.size(); ++i) push(i);
    if (heap_.empty()) return std::nullopt;
    std::ranges::pop_heap(heap_, std::greater{});
    const auto [at, index] = heap_.back();
    heap_.pop_back();
    auto& function = functions_[index];
    const auto size = draw_size(sizes_, function.random);
    push(index);
    return TrafficRequest{at, size.input_tokens, size.output_tokens, function.name, {}, {}};
  }

 private:
  struct Function {
    std::string name;
    BinArrivals arrivals;
    Prng random;
  };
  void push(std::size_t index) {
    const auto at = functions_[index].arrivals.next();
    CHECK(at.has_value());  // bins in memory cannot fail
    if (!*at) return;
    heap_.emplace_back(**at, index);
    std::ranges::push_heap(heap_, std::greater{});
  }

  std::vector<Function> functions_;
  std::vector<std::pair<Duration, std::size_t>> heap_;
  TokenSizes sizes_;
  bool opened_ = false;
};

template <class Source>
std::function<Next()> stream_of(Source source) {
  return [source = std::make_shared<Source>(std::move(source))] { return source->next(); };
}

}  // namespace

Result<TrafficReader> TrafficReader::open(ByteSource bytes, std::string name, TrafficOptions options) {
  CHECK(options.scale > 0 && options.scale <= 1e6 && options.burstiness >= 0);
  auto opened = TrafficRows::open(std::move(bytes), std::move(name));
  if (!opened) return std::unexpected(opened.error());
  const TrafficFormat format = opened->format();
  const auto rows = std::make_shared<RowFeed>(std::move(*opened));
  if (format == TrafficFormat::per_function) {
    auto all = read_functions(rows, options.function);
    if (!all) return std::unexpected(all.error());
    const Duration origin = all->bins.empty() ? Duration::zero() : all->first;
    return TrafficReader(format, origin, stream_of(FunctionStream(std::move(*all), options)));
  }
  const auto first_two = rows->peek(2);
  if (!first_two) return std::unexpected(first_two.error());
  const Duration origin = first_two->empty() ? Duration::zero() : first_two->front().at;
  if (!has_bins(format)) return TrafficReader(format, origin, stream_of(CopyStream(rows, options)));
  const auto width = bin_width(*first_two, rows->lines());
  if (!width) return std::unexpected(width.error());
  BinArrivals arrivals(rate_bins(rows, *width, options.sizes), bin_options(options, *width),
                       Prng{options.seed}.split(2));
  return TrafficReader(format, origin, stream_of(RateStream(std::move(arrivals), options)));
}

Result<std::optional<TrafficRequest>> TrafficReader::next() { return stream_(); }

}  // namespace tidegate
