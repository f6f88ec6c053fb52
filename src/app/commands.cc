// The table of commands: the one place that lists them all, in the order of the help.
#include "app/command.h"

namespace tidegate {

extern const Command compare_command;
extern const Command completion_command;
extern const Command decide_command;
extern const Command demo_command;
extern const Command doctor_command;
extern const Command emulate_command;
extern const Command explain_command;
extern const Command export_command;
extern const Command gateway_command;
extern const Command gpus_command;
extern const Command history_command;
extern const Command import_command;
extern const Command init_command;
extern const Command load_command;
extern const Command logs_command;
extern const Command operator_command;
extern const Command override_command;
extern const Command pause_command;
extern const Command replay_command;
extern const Command restart_command;
extern const Command resume_command;
extern const Command run_command;
extern const Command simulate_command;
extern const Command status_command;
extern const Command test_command;
extern const Command top_command;
extern const Command tune_command;
extern const Command validate_command;
extern const Command version_command;

const std::vector<const Command*>& commands() {
  static const std::vector<const Command*> all{
      // run
      &demo_command,
      &init_command,
      &run_command,
      &gateway_command,
      &operator_command,
      &validate_command,
      &status_command,
      &top_command,
      &logs_command,
      &gpus_command,
      &restart_command,
      // understand
      &explain_command,
      &history_command,
      &doctor_command,
      // try out
      &simulate_command,
      &compare_command,
      &tune_command,
      &replay_command,
      &load_command,
      &test_command,
      &decide_command,
      &emulate_command,
      // steer
      &override_command,
      &pause_command,
      &resume_command,
      // fit in
      &import_command,
      &export_command,
      &completion_command,
      &version_command,
  };
  return all;
}

}  // namespace tidegate
