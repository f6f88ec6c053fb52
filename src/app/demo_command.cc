// `tidegate demo`: three scenes on one machine, without a GPU, a network or a cluster. The gateway, the controller and
// the replicas are real; only the model is emulated. Each scene is checked against the decisions that were made, and
// the exit status is 0 only if all three really happened.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "app/command.h"
#include "app/demo_stage.h"
#include "app/demo_stream.h"
#include "app/exit_status.h"
#include "app/signal_descriptor.h"
#include "core/base/json_writer.h"
#include "edge/machine/file_descriptor.h"

namespace tidegate {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct SceneEnd {
  std::string name;
  std::string missed;  // why it did not happen; empty: it did
};

// Ctrl-C: the scene on play is left at its next look.
struct Interrupted {};

bool is_rung(int interrupts, Duration within) {
  pollfd waiting{interrupts, POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(within / 1ms)) > 0;
}

std::string count_text(int count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

class Story {
 public:
  Story(DemoStage& stage, Terminal& terminal, int interrupts)
      : stage_(stage), terminal_(terminal), interrupts_(interrupts) {}

  SceneEnd burst();
  SceneEnd blindness();
  SceneEnd stream();
  void linger();

  [[nodiscard]] Result<void> first_decision();

 private:
  void line(std::string_view text);
  void title(std::string_view text);
  void tell(std::string_view text);
  void event(std::string_view text, Tone tone = Tone::plain);
  void why(const StageDecision& decision);
  void verdict(const SceneEnd& end, std::string_view good);

  // Looks, tells new decisions and what changed, and waits a moment; throws Interrupted.
  StageView watch();
  void tell_decisions();
  void rest(Duration time);

  DemoStage& stage_;
  Terminal& terminal_;
  const int interrupts_;
  const SteadyClock::time_point begun_ = SteadyClock::now();
  double told_until_ = 0;  // decisions
  StageView view_;
  std::vector<StageDecision> decisions_;  // all that were told
  std::optional<ChildProcess> traffic_;
};

std::string traffic(int burst, double rate, int seconds) {
  std::string text;
  for (int i = 0; i < burst; ++i) text += fmt::format("{:.3f},200,150\n", 0.02 * i);
  for (int i = 0; i < static_cast<int>(rate * seconds); ++i)
    text += fmt::format("{:.3f},200,150\n", 1 + static_cast<double>(i) / rate);
  return text;
}

// With -o json the story is talk and only its end is data.
void put(Terminal& terminal, std::string_view text) {
  if (terminal.wants_json())
    terminal.say(text);
  else
    terminal.data(text);
}

void Story::line(std::string_view text) { put(terminal_, text); }

void Story::title(std::string_view text) {
  line("");
  line(terminal_.paint(Tone::strong, text));
}

void Story::tell(std::string_view text) { line(fmt::format("  {}", text)); }

void Story::event(std::string_view text, Tone tone) {
  const double at = std::chrono::duration<double>(SteadyClock::now() - begun_).count();
  line(fmt::format("  {}  {}", terminal_.paint(Tone::dim, fmt::format("{:5.1f} s", at)), terminal_.paint(tone, text)));
}

void Story::why(const StageDecision& decision) {
  const auto text = stage_.explanation(decision);
  if (!text) return;
  line("");
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    line(terminal_.paint(Tone::accent, fmt::format("    {}", rest.substr(0, end))));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void Story::verdict(const SceneEnd& end, std::string_view good) {
  line("");
  if (end.missed.empty())
    tell(terminal_.paint(Tone::good, good));
  else
    tell(terminal_.paint(Tone::bad, fmt::format("This did not happen: {}", end.missed)));
}

void Story::rest(Duration time) {
  if (is_rung(interrupts_, time)) throw Interrupted{};
}

void Story::tell_decisions() {
  const auto found = stage_.decisions(told_until_);
  if (!found) return;
  for (const auto& decision : *found) {
    if (decision.now <= told_until_) continue;
    const int before = decisions_.empty() ? 0 : decisions_.back().replicas;
    const bool holds = decision.verdict == "hold";
    const bool repeats = !decisions_.empty() && decisions_.back().verdict == decision.verdict &&
                         decisions_.back().reason == decision.reason && before == decision.replicas;
    if (!repeats)
      event(holds ? fmt::format("{:5}  {}       {}", decision.verdict, decision.replicas, decision.reason)
                  : fmt::format("{:5}  {} -> {}  {}", decision.verdict, before, decision.replicas, decision.reason),
            holds ? Tone::dim : Tone::strong);
    decisions_.push_back(decision);
    told_until_ = decision.now;
  }
}

StageView Story::watch() {
  rest(200ms);
  tell_decisions();
  const auto seen = stage_.look();
  if (!seen) return view_;
  const auto& now = *seen;
  if (now.ready > view_.ready) event(fmt::format("{} ready", count_text(now.ready, "replica")), Tone::good);
  if (now.draining > view_.draining) event(fmt::format("{} draining", count_text(now.draining, "replica")));
  if (now.draining < view_.draining && now.ready <= view_.ready)
    event(fmt::format("{} gone", count_text(view_.draining - now.draining, "replica")));
  const auto number = [](std::optional<double> value) { return value ? fmt::format("{:.0f}", *value) : "?"; };
  terminal_.progress(fmt::format("          waiting {}   in flight {}   replicas {} ready, {} warming, {} draining",
                                 number(now.queued), number(now.in_flight), now.ready, now.warming, now.draining));
  view_ = now;
  return now;
}

Result<void> Story::first_decision() {
  const auto deadline = SteadyClock::now() + 30s;
  while (SteadyClock::now() < deadline) {
    watch();
    if (!decisions_.empty()) return {};
  }
  return fail(ErrorKind::failed, fmt::format("no decision within 30 s:\n{}", stage_.log_tail()));
}

SceneEnd Story::burst() {
  title("1  A burst meets a cold start");
  tell("Nothing runs. Thirty requests arrive at once, then nine each second. A replica takes six seconds to start.");
  SceneEnd end{.name = "burst"};
  const double from = view_.now;
  auto sent = stage_.send(traffic(30, 9, 34));
  if (!sent) {
    end.missed = sent.error().message;
    return end;
  }
  traffic_.emplace(std::move(*sent));

  double most_waiting = 0;
  bool has_told_queue = false;
  const auto deadline = SteadyClock::now() + 60s;
  while (SteadyClock::now() < deadline) {
    const auto now = watch();
    most_waiting = std::max(most_waiting, now.queued.value_or(0));
    if (now.queued.value_or(0) > 0 && now.ready == 0 && !has_told_queue) {
      event("the gateway holds the requests; nobody is turned away");
      has_told_queue = true;
    }
    if (now.ready >= 2 && now.queued.value_or(1) == 0 && most_waiting > 0) break;
  }
  const auto raise = std::ranges::find_if(
      decisions_, [&](const auto& one) { return one.now > from && one.verdict == "raise" && one.replicas > 0; });
  if (raise == decisions_.end())
    end.missed = "no decision raised";
  else if (most_waiting == 0)
    end.missed = "no request had to wait";
  else if (view_.ready == 0 || view_.queued.value_or(1) > 0)
    end.missed = "the queue was not served within a minute";
  else
    event(fmt::format("the queue is empty; at most {:.0f} requests waited, in order", most_waiting), Tone::good);
  if (raise != decisions_.end()) why(*raise);
  verdict(end, "Bought at once for the queue, counted while warming, and not bought twice.");
  return end;
}

SceneEnd Story::blindness() {
  title("2  The signals are lost");
  tell("The gateway freezes for ten seconds. No measurement comes, and requests keep arriving. Whoever reads nothing");
  tell("as zero would now stop the replicas.");
  SceneEnd end{.name = "blindness"};
  const int before = view_.committed();
  const double from = view_.now;
  const auto told = decisions_.size();
  stage_.freeze_gateway();
  event("the gateway is frozen", Tone::warning);
  std::optional<StageDecision> blind;
  for (const auto thaw = SteadyClock::now() + 10s; SteadyClock::now() < thaw; watch());
  for (auto i = told; i < decisions_.size(); ++i) {
    const auto& one = decisions_[i];
    if (one.now <= from) continue;
    static const std::set<std::string_view> reasons{"signals_stale", "no_data", "signals_error", "signals_partial"};
    if (one.verdict == "hold" && reasons.contains(one.reason)) blind = one;
    if (one.verdict == "lower") end.missed = "something was lowered without data";
  }
  if (blind) why(*blind);
  stage_.thaw_gateway();
  event("the gateway goes on", Tone::good);
  for (const auto until = SteadyClock::now() + 3s; SteadyClock::now() < until; watch());
  if (end.missed.empty() && !blind) end.missed = "no decision named the missing signals";
  if (end.missed.empty() && view_.committed() < before) end.missed = "replicas were lost meanwhile";
  verdict(end, "Missing is not zero: held, and said so.");
  return end;
}

SceneEnd Story::stream() {
  title("3  A scale-down waits for a stream");
  SceneEnd end{.name = "stream"};
  while (traffic_->runs()) watch();
  const auto report = nlohmann::json::parse(stage_.report(), nullptr, false);
  if (report.is_object() && report.value("errors", 1) == 0)
    event(fmt::format("the traffic is over: {} requests, none failed", report.value("requests", 0)), Tone::good);
  else
    event("the traffic is over, and requests failed", Tone::bad);

  tell("Some readers stay with long answers, one on each replica. An operator says that one replica is enough.");
  const double from = view_.now;
  std::vector<std::unique_ptr<DemoStream>> streams;
  for (int i = 0; i < std::max(2, view_.ready); ++i)
    streams.push_back(std::make_unique<DemoStream>(stage_.gateway_address(), 2500));
  const auto runs = [](const auto& stream) { return stream->runs(); };
  const auto reads = [](const auto& stream) { return stream->tokens() > 0; };
  const auto deadline = SteadyClock::now() + 90s;
  while (SteadyClock::now() < deadline && !std::ranges::all_of(streams, reads)) watch();
  if (auto set = stage_.set_ceiling(1, "the rush is over"); !set) {
    end.missed = set.error().message;
    return end;
  }

  std::optional<StageDecision> lowered;
  bool has_waited = false, has_gone = false;
  while (SteadyClock::now() < deadline && !(has_gone && std::ranges::none_of(streams, runs))) {
    const bool drained = view_.draining > 0;
    const auto now = watch();
    for (const auto& one : decisions_)
      if (!lowered && one.now > from && one.verdict == "lower") lowered = one;
    if (now.draining > 0 && std::ranges::any_of(streams, runs) && !has_waited) {
      has_waited = true;
      event(fmt::format("no new requests for them; the first reader is at token {}", streams.front()->tokens()));
    }
    if (drained && now.draining == 0) has_gone = true;
  }
  const auto complete = std::ranges::count_if(streams, [](const auto& one) { return one->is_complete(); });
  if (!lowered)
    end.missed = "nothing was lowered";
  else if (!has_waited)
    end.missed = "no replica was draining while a stream ran";
  else if (complete != std::ssize(streams))
    end.missed = fmt::format("{} of {} streams broke off", std::ssize(streams) - complete, streams.size());
  else if (!has_gone)
    end.missed = "a draining replica did not go";
  else
    event(fmt::format("all {} answers came to their end", streams.size()), Tone::good);
  if (lowered) why(*lowered);
  verdict(end, "Nobody's answer was cut off to save money.");
  return end;
}

void Story::linger() {
  line("");
  tell(fmt::format("The fleet stays up: dashboard {}, OpenAI API http://{}/v1. Ctrl-C ends it.", stage_.api_url(),
                   stage_.gateway_address()));
  try {
    while (true) watch();
  } catch (const Interrupted&) {  // as announced
  }
}

std::string as_json(const std::vector<SceneEnd>& ends) {
  JsonWriter json;
  json.object();
  json.key("scenes").array();
  for (const auto& end : ends) {
    json.object();
    json.key("name").value(end.name);
    json.key("happened").value(end.missed.empty());
    if (!end.missed.empty()) json.key("missed").value(end.missed);
    json.end();
  }
  json.end();
  json.end();
  return json.take();
}

int play(DemoStage& stage, Terminal& terminal, int interrupts, bool quick) {
  Story story{stage, terminal, interrupts};
  if (auto decided = story.first_decision(); !decided) return report(terminal, decided.error());
  std::vector<SceneEnd> ends;
  for (const auto scene : {&Story::burst, &Story::blindness, &Story::stream}) ends.push_back((story.*scene)());
  const auto missed = std::ranges::count_if(ends, [](const auto& end) { return !end.missed.empty(); });
  if (!quick) story.linger();
  terminal.clear_progress();
  if (terminal.wants_json()) terminal.data(as_json(ends));
  return missed == 0 ? exit_ok : exit_failure;
}

int demo(const Arguments& given, Terminal& terminal) {
  const auto interrupts = open_signals({SIGINT, SIGTERM});
  put(terminal, terminal.paint(Tone::strong, "tidegate demo"));
  auto stage = DemoStage::open([&] { return !is_rung(interrupts.get(), 0ms); });
  if (!stage) return report(terminal, stage.error());
  put(terminal, fmt::format("  dashboard  {}", (*stage)->api_url()));
  put(terminal, fmt::format("  gateway    http://{}", (*stage)->gateway_address()));
  put(terminal, "  one model, emulated as Llama-3.1-8B on an H100; all else is real");
  put(terminal, "");
  try {
    const int status = play(**stage, terminal, interrupts.get(), given.flag("--quick"));
    terminal.say("tidegate demo: cleaning up");
    return status;
  } catch (const Interrupted&) {
    terminal.clear_progress();
    terminal.say("tidegate demo: cleaning up");
    return exit_interrupted;
  }
}

}  // namespace

extern const Command demo_command;
const Command demo_command{
    .name = "demo",
    .group = CommandGroup::run,
    .summary = "watch it work: three scenes on this machine, without a GPU, a network or a cluster",
    .examples = {"tidegate demo", "tidegate demo --quick"},
    .options = {{.name = "--quick", .help = "end after the scenes, in less than three minutes"}},
    .run = demo};

}  // namespace tidegate
