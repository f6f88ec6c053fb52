# cmake -D FOLDER=deploy -D FILES="a;b" -D OUTPUT=embedded_files.cc -P embed_deploy.cmake
# The files that people write by hand become arrays in OUTPUT; the others are generated (deploy_files.cc).
set(arrays "")
set(rows "")
string(REPLACE "," ";" FILES "${FILES}")
foreach(path IN LISTS FILES)
  file(READ ${FOLDER}/${path} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(MAKE_C_IDENTIFIER ${path} name)
  string(APPEND arrays "constexpr char ${name}[] = {${bytes}};\n")
  string(APPEND rows "    {\"${path}\", {${name}, sizeof ${name}}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"serve/manifests/embedded_files.h\"

namespace tidegate {
namespace {

${arrays}
constexpr EmbeddedFile files[] = {
${rows}};

}  // namespace

std::span<const EmbeddedFile> embedded_files() { return files; }

}  // namespace tidegate
")
