// conformance FILE.jsonl...: plays recorded rows of other auto-scalers' own tests against our peers. Ends with
// "N passed, M failed"; 0 when all passed, 1 when one failed or a file cannot be read, 2 without a file.
#include <fmt/format.h>

#include <fstream>
#include <iostream>

#include "vectors.h"

int main(int count, char** words) {
  using namespace tidegate;
  if (count < 2) {
    std::cerr << "usage: conformance FILE.jsonl...\n";
    return 2;
  }
  Score sum;
  bool unread = false;
  for (int i = 1; i < count; ++i) {
    std::ifstream file{words[i]};
    if (!file) {
      std::cerr << fmt::format("cannot read {}: give the path of a file of vectors\n", words[i]);
      unread = true;
      continue;
    }
    const auto score = play_vectors(file, words[i], families(), std::cout);
    sum.passed += score.passed;
    sum.failed += score.failed;
  }
  std::cout << fmt::format("{} passed, {} failed\n", sum.passed, sum.failed);
  return unread || sum.failed > 0 ? 1 : 0;
}
