// The table of commands: the one place that lists them all, in the order of the help.
#include "app/command.h"

namespace tidegate {

extern const Command completion_command;
extern const Command decide_command;
extern const Command demo_command;
extern const Command emulate_command;
extern const Command export_command;
extern const Command gateway_command;
extern const Command init_command;
extern const Command load_command;
extern const Command replay_command;
extern const Command run_command;
extern const Command test_command;
extern const Command validate_command;
extern const Command version_command;

const std::vector<const Command*>& commands() {
  static const std::vector<const Command*> all{
      // run
      &demo_command,
      &init_command,
      &run_command,
      &gateway_command,
      &validate_command,
      // understand
      // try out
      &replay_command,
      &load_command,
      &test_command,
      &decide_command,
      &emulate_command,
      // steer
      // fit in
      &export_command,
      &completion_command,
      &version_command,
  };
  return all;
}

}  // namespace tidegate
