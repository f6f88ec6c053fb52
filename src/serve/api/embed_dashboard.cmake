# cmake -D FOLDER=web/dist -D OUTPUT=dashboard_files.cc -P embed_dashboard.cmake
# Every file of FOLDER becomes an array in OUTPUT; index.html is served as "/".
set(types_html "text/html; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_svg "image/svg+xml")

file(GLOB paths RELATIVE ${FOLDER} ${FOLDER}/*)
list(SORT paths)
set(arrays "")
set(rows "")
foreach(path IN LISTS paths)
  get_filename_component(ending ${path} LAST_EXT)
  string(SUBSTRING ${ending} 1 -1 ending)
  if(NOT DEFINED types_${ending})
    message(FATAL_ERROR "no content type is known for ${path}: add it to embed_dashboard.cmake")
  endif()
  file(READ ${FOLDER}/${path} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(MAKE_C_IDENTIFIER ${path} name)
  string(APPEND arrays "constexpr char ${name}[] = {${bytes}};\n")
  set(address /${path})
  if(path STREQUAL "index.html")
    set(address /)
  endif()
  string(APPEND rows "    {\"${address}\", \"${types_${ending}}\", {${name}, sizeof ${name}}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"serve/api/dashboard.h\"

namespace tidegate {
namespace {

${arrays}
constexpr DashboardFile files[] = {
${rows}};

}  // namespace

std::span<const DashboardFile> dashboard_files() { return files; }

}  // namespace tidegate
")
