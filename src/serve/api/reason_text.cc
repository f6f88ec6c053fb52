#include "serve/api/reason_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "core/base/check.h"

namespace tidegate {
namespace {

using enum Reason;

struct Chapter {
  std::string_view title;
  Reason first;  // in the order of the enum; up to the next chapter's first
};

constexpr Chapter chapters[] = {{"Nothing to do", steady},
                                {"Raising", load_rise},
                                {"Lowering", load_fall},
                                {"Held back", at_min},
                                {"Notes of a stage", within_limits}};

// The reasons that a policy gives its band, beside those of data that does not come. The other reasons are of the
// stages around it, whatever the policy.
struct PolicyReasons {
  std::string_view policies;
  std::string_view raises;
  std::string_view lowers;
  std::string_view keeps;
};

constexpr PolicyReasons policy_reasons[] = {
    {"`slo`", "`load_rise`, `forecast_demand`, `backlog`, `slo_breach_observed`, `activate_request`",
     "`load_fall`, `idle_timeout`", "`hold_down` (what a cold start makes worth keeping), `insufficient_history`"},
    {"`target`", "`signal_above_target`", "`signal_below_target`", "`hold_down` (`hold_down`)"},
    {"`schedule`", "`schedule`", "`schedule`", ""},
    {"`hpa`", "`signal_above_target`", "`signal_below_target`",
     "`hold_down` (stabilisation), `rate_limited` (its scale-down policies)"},
    {"`keda`", "`signal_above_target`, `activate_request` (a trigger became active)",
     "`signal_below_target`, `idle_timeout` (the cooldown ended)", ""},
    {"`knative`", "`signal_above_target`, `activate_request`",
     "`signal_below_target`, `idle_timeout` (the grace period ended)", "`hold_down` (panic, `scale_down_delay`)"},
    {"`ray_serve`", "`signal_above_target`, `activate_request`", "`signal_below_target`",
     "`hold_down` (`downscale_delay`)"},
    {"`nomad`", "`signal_above_target`", "`signal_below_target`", "`hold_down` (`cooldown`)"},
    {"`aws_predictive`", "`signal_above_target`, `forecast_demand` (the hour ahead)", "`signal_below_target`", ""},
    {"`aws_target_tracking`, `aws_step`, `gcp`, `sagemaker`, `dynamo`, `wva`, `aibrix`", "`signal_above_target`",
     "`signal_below_target`", ""},
    {"`keep_alive`", "`load_rise`", "`idle_timeout` (`keep` ended)", "`hold_down` (within `keep`)"},
    {"`static`", "`steady`", "`steady`", ""}};

constexpr auto texts = std::to_array<ReasonText>({
    {steady, "The present size lies inside the band.", "Nothing need be done."},
    {rounds_to_current, "The band asks for a fraction that rounds to the present size.", "Nothing need be done."},

    {load_rise, "The load being served now needs more replicas than are there.",
     "Nothing need be done; if it comes too late, look at the lead time (a shorter cold start helps most)."},
    {forecast_demand, "The demand expected once a new replica would be ready needs more than is there.",
     "Nothing need be done; the forecast stage names the forecaster and its quantile."},
    {backlog, "Queued requests would miss the SLO with what is there and already starting.",
     "Nothing need be done; if it recurs, raise `replicas.min` or shorten the cold start."},
    {slo_breach_observed, "The measured latency exceeds the objective.",
     "Check whether one replica is slow (the replicas table), or whether the objective is below what the model can "
     "do."},
    {activate_request, "A request waits and no replica is there to serve it.",
     "Nothing need be done; `replicas.min: 1` avoids the wait at the price of an idle replica."},
    {signal_above_target,
     "What the policy goes by (`target`, or another system's rule) asks for more replicas than are there.",
     "Nothing need be done; the band stage shows value and target."},
    {schedule, "A window of a `schedule` policy is open.",
     "Change the schedule's entries if the window is not wanted."},
    {below_min, "Fewer replicas are there than `replicas.min`.",
     "Nothing need be done; if it lasts, look for `start_failed` or `capacity_unavailable`."},
    {replica_unhealthy, "A replica failed and is replaced.", "Read its last lines with `tidegate logs REPLICA`."},

    {load_fall, "Fewer replicas are worth keeping than are there.", "Nothing need be done."},
    {idle_timeout, "The service has been idle for longer than keeping a replica is worth, given its cold start.",
     "Set `replicas.min: 1` if the first request must not wait for a cold start."},
    {signal_below_target,
     "What the policy goes by (`target`, or another system's rule) asks for fewer replicas than are there.",
     "Nothing need be done; the band stage shows value and target."},
    {above_max, "More replicas are there than `replicas.max`.", "Raise `replicas.max` if they are wanted."},
    {cost_switch, "Another pool serves the same need for less.",
     "Nothing need be done; check the pools' prices if the switch surprises."},

    {at_min, "Less would do, but `replicas.min` is reached.", "Lower `replicas.min` if the cost matters more."},
    {at_max, "More is needed, but `replicas.max` is reached.",
     "Raise `replicas.max`, or expect the SLO to be missed at this load."},
    {pool_at_max, "More is needed, but the pool's `replicas_max` is reached.",
     "Raise the pool's `replicas_max` or add a pool."},
    {budget_cap, "More is needed, but the fleet's budget is used up.",
     "Raise `budget`, or take replicas from another service."},
    {step_limited, "The change is larger than one decision may make.",
     "Wait for the next tick, or raise `step_up` or `step_down`."},
    {rate_limited, "As many replicas were added or removed within the period as the rate limit allows.",
     "Wait until it unlocks, or raise `rate_up` or `rate_down`."},
    {hold_down, "A recent peak is still within the hold time, so what it needed is kept.",
     "Wait until it unlocks; a shorter cold start shortens the hold time."},
    {dwell, "The size changed direction a moment ago, and must stay for a while.",
     "Wait until it unlocks, or shorten `dwell`; frequent dwells mean that the load oscillates."},
    {warming, "Replicas are starting, and nothing is lowered under them.",
     "Wait until they are ready; `tidegate logs SERVICE` shows how far they are."},
    {draining, "Replicas finish their last requests before they go.",
     "Nothing need be done; long streams end at the drain deadline at the latest."},
    {no_data, "Nothing usable says how much load there is, so the size is kept.",
     "Run `tidegate doctor`: it names the source that is missing and what to do."},
    {signals_stale, "The newest measurements are too old to lower anything.",
     "Find out why the source stopped answering: `tidegate doctor` asks it."},
    {signals_error, "The sources answer with errors, so the size is kept.",
     "Run `tidegate doctor`: it quotes the source's own words."},
    {signals_partial, "Some replicas do not report, so nothing is lowered.",
     "Look at the replicas that do not answer on their metrics page; `tidegate doctor` names them."},
    {restart_hold, "The controller was restarted and its windows are not full again, so nothing is lowered.",
     "Nothing need be done; it ends by itself."},
    {insufficient_history, "Too little has been seen to forecast, so only the present load counts.",
     "Nothing need be done; forecasts begin as history fills."},
    {model_uncalibrated, "The learned capacity fits poorly, so the hint or the raw load is used.",
     "Give a `capacity` hint if the sizes look wrong; it is corrected as load is seen."},
    {paused, "An operator paused the service: decisions are made and not carried out.",
     "`tidegate resume SERVICE` ends it."},
    {override_active, "An operator's override decides the size.", "`tidegate override SERVICE --clear` ends it."},
    {shadow, "The service is in shadow mode: decisions are shown and not carried out.",
     "Set `mode: act` to hand over."},
    {rollout, "A new revision is being rolled out, and nothing is lowered meanwhile.",
     "Nothing need be done; the replicas table shows its progress."},
    {capacity_unavailable, "No slot, GPU or instance is free for another replica.",
     "Free one or add a pool; `tidegate gpus` shows who holds what."},
    {gpu_busy, "Another program uses the GPUs that a replica would need.",
     "End that program, or leave its GPU out of `machine.gpus`; `tidegate gpus` names it."},
    {slo_unreachable, "No pool can meet the SLO, so the fastest one is used and no more than helps is bought.",
     "Relax the objective, or add a faster pool."},
    {rollout_failed, "The new revision does not get ready, so the old one is kept.",
     "Read the failed replica's log with `tidegate logs REPLICA` and correct the command."},
    {start_failed, "A replica did not get ready; the next attempt waits a while.",
     "Read its log with `tidegate logs REPLICA`; check command, port and readiness path."},
    {target_error, "What carries decisions out failed.", "Read its message in `tidegate history SERVICE`."},
    {conflict, "Somebody else writes the size of the workload too.",
     "Let one of them own it: delete the other autoscaler, or take `replicas` out of what applies the manifest."},

    {within_limits, "No limit changed the size.", "Nothing need be done."},
    {trusted, "The forecaster named in the note has been the most accurate at this horizon.", "Nothing need be done."},
    {learned, "What one replica carries was measured.", "Nothing need be done."},
    {hinted, "What one replica carries is taken from the configuration or a profile until it is measured.",
     "Nothing need be done."},
    {unknown_capacity, "What one replica carries is not known yet; one request at a time is assumed.",
     "Give a `capacity` hint if the first minutes must be cheaper."},
});

static_assert(texts.size() == enum_texts<Reason>.size());
static_assert([] {
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (texts[i].reason != enum_texts<Reason>[i].value) return false;
  return true;
}());

}  // namespace

const ReasonText& reason_text(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  CHECK(index < texts.size());
  return texts[index];
}

std::string reasons_reference() {
  std::string page =
      "# Reasons\n\n"
      "Why a decision is what it is: a closed list, spelled the same in explanations, JSON, metrics, logs and\n"
      "scenarios. Written from the table in `src/serve/api/reason_text.cc` (`./dev bless` rewrites this page).\n";
  const Chapter* next = std::begin(chapters);
  for (const auto& text : texts) {
    if (next != std::end(chapters) && next->first == text.reason) {
      page += fmt::format("\n## {}\n\n| reason | meaning | what to do |\n| --- | --- | --- |\n", next->title);
      ++next;
    }
    page += fmt::format("| `{}` | {} | {} |\n", to_text(text.reason), text.meaning, text.advice);
  }
  page +=
      "\n## By policy\n\n"
      "What each policy gives as the reason of its band. A band that keeps the present size says `steady`; where the\n"
      "measurements it goes by do not come, every policy says `no_data`, `signals_stale`, `signals_error` or\n"
      "`signals_partial`. Systems without a hold of their own keep a size without a reason: the number they asked for\n"
      "stands until they ask for another.\n\n"
      "| policy | raises | lowers | keeps |\n| --- | --- | --- | --- |\n";
  for (const auto& row : policy_reasons)
    page += fmt::format("| {} | {} | {} | {} |\n", row.policies, row.raises, row.lowers, row.keeps);
  return page;
}

}  // namespace tidegate
