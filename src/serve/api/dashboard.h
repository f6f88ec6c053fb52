// The dashboard's files, built from web/src and committed in web/dist; embed_dashboard.cmake puts them into the binary.
#pragma once

#include <span>
#include <string_view>

namespace tidegate {

struct DashboardFile {
  std::string_view path;  // "/" or "/app.js"
  std::string_view content_type;
  std::string_view bytes;
};

[[nodiscard]] std::span<const DashboardFile> dashboard_files();

}  // namespace tidegate
