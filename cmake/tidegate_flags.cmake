# One interface target carries every flag, so that no room sets its own.
add_library(tidegate_flags INTERFACE)
target_compile_features(tidegate_flags INTERFACE cxx_std_23)
set(CMAKE_CXX_EXTENSIONS OFF)
target_include_directories(tidegate_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(tidegate_flags INTERFACE
  # Fused multiply-add would make the same formula answer differently on another processor.
  -ffp-contract=off
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  # Options structs are filled by designated initialisers that leave out what keeps its default.
  -Wno-missing-field-initializers)
if(TIDEGATE_WERROR)
  target_compile_options(tidegate_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 raises these in error inside its own <expected>, <variant> and <optional> under -O2 and sanitizers.
  target_compile_options(tidegate_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-dangling-pointer)
  # Built several at a time (which halves the time of a build), files see each other's names: only where each is built
  # alone does it tell anything that one of them hides another, or has no linkage.
  if(CMAKE_UNITY_BUILD)
    target_compile_options(tidegate_flags INTERFACE -Wno-shadow -Wshadow=local -Wno-subobject-linkage)
  endif()
endif()
if(TIDEGATE_SANITIZE)
  target_compile_options(tidegate_flags INTERFACE
    -fsanitize=${TIDEGATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tidegate_flags INTERFACE -fsanitize=${TIDEGATE_SANITIZE})
endif()
