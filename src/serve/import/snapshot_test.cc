// What people's manifests become, held against files that a person has read.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "serve/config/testing/case_file.h"
#include "serve/import/import.h"
#include "serve/resource/scaled_model.h"

namespace tidegate {
namespace {

const std::string folder = TIDEGATE_SOURCE_DIR "/tests/imports/";

std::string shown(const Import& import) {
  if (!import.errors.empty()) return import.errors;
  std::string text = import.yaml;
  for (const auto& note : import.notes) text += "! " + note + "\n";
  return text;
}

void hold_cases(const std::string& name, const ImportOptions& options, ImportForm form, bool refused = false) {
  auto file = read_cases(folder + name);
  EXPECT_FALSE(file.cases.empty()) << name;
  for (auto& one : file.cases) {
    SCOPED_TRACE(one.name);
    const auto import = import_manifests({{.filename = "f.yaml", .text = one.input}}, options, form);
    EXPECT_EQ(import.errors.empty(), !refused) << import.errors;
    if (blesses())
      one.expected = shown(import);
    else
      EXPECT_EQ(shown(import), one.expected);
    if (form == ImportForm::file && !refused) {
      const auto read = load_configuration(import.yaml, "tidegate.yaml", {});
      EXPECT_TRUE(read.fleet) << render(read.problems, read.filename, read.text);
    }
  }
  if (blesses()) write_whole(folder + name, text_of(file));
}

TEST(ImportSnapshot, hpa) { hold_cases("hpa.txt", {}, ImportForm::resource); }
TEST(ImportSnapshot, hpa_with_prometheus) {
  hold_cases("hpa_prometheus.txt", {.prometheus = "http://prometheus.monitoring:9090"}, ImportForm::resource);
}
TEST(ImportSnapshot, keda) { hold_cases("keda.txt", {}, ImportForm::resource); }
TEST(ImportSnapshot, knative) { hold_cases("knative.txt", {}, ImportForm::resource); }
TEST(ImportSnapshot, ray_serve) { hold_cases("ray_serve.txt", {}, ImportForm::resource); }
TEST(ImportSnapshot, as_a_file) { hold_cases("file.txt", {}, ImportForm::file); }
TEST(ImportSnapshot, refused) { hold_cases("refused.txt", {}, ImportForm::resource, true); }

}  // namespace
}  // namespace tidegate
