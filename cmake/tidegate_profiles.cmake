# Turns profiles/profiles.csv into a table of C++: cmake -DTABLE=… -DOUT=… -P tidegate_profiles.cmake
file(STRINGS ${TABLE} lines)
set(rows "")
set(columns "")
foreach(line IN LISTS lines)
  if(line MATCHES "^#" OR line STREQUAL "")
    continue()
  endif()
  string(REPLACE "," ";" fields "${line}")
  if(columns STREQUAL "")
    set(columns "${fields}")
    list(LENGTH columns columns_count)
    continue()
  endif()
  list(LENGTH fields fields_count)
  if(NOT fields_count EQUAL columns_count)
    message(FATAL_ERROR "${TABLE}: ${fields_count} fields where ${columns_count} are wanted: ${line}")
  endif()
  set(row "")
  foreach(column value IN ZIP_LISTS columns fields)
    if(value MATCHES "^[0-9.]+(e-?[0-9]+)?$" AND NOT column MATCHES "server_version")
      string(APPEND row ".${column} = ${value}, ")
    elseif(column STREQUAL "basis")
      string(APPEND row ".${column} = ProfileBasis::${value}, ")
    else()
      string(APPEND row ".${column} = \"${value}\", ")
    endif()
  endforeach()
  string(APPEND rows "    {${row}},\n")
endforeach()
file(WRITE ${OUT} "// Generated from profiles/profiles.csv.
#include \"lab/sim/profiles.h\"

namespace tidegate {
namespace {
constexpr Profile table[] = {
${rows}};
}  // namespace
std::span<const Profile> profiles() { return table; }
}  // namespace tidegate
")
