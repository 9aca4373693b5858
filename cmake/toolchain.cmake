# Language level, warnings, sanitizers, and the accelerators that are used where the machine has them.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

option(BACKSTITCH_WERROR "Treat warnings as errors" ON)
option(BACKSTITCH_BENCH "Build the benchmarks" OFF)
option(BACKSTITCH_FUZZ "Build the fuzz targets" OFF)
set(BACKSTITCH_SANITIZE "" CACHE STRING "Sanitizers, as in -fsanitize=")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# crc32c and the hashes use SSE 4.2, which every x86-64 server since 2009 has.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-march=x86-64-v2)
endif()

if(BACKSTITCH_SANITIZE)
  add_compile_options(-fsanitize=${BACKSTITCH_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BACKSTITCH_SANITIZE})
  if(BACKSTITCH_SANITIZE MATCHES "thread")
    # ThreadSanitizer knows no fences. Asio's are not needed where its mutexes are on, as they are here.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
  if(BACKSTITCH_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

if(BACKSTITCH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage in every folder, which is what guides libFuzzer
endif()

add_library(backstitch_warnings INTERFACE)
target_compile_options(backstitch_warnings INTERFACE
  # A designated initializer leaves the other members at their defaults: that is what it is for.
  -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  $<$<BOOL:${BACKSTITCH_WERROR}>:-Werror>
  # libstdc++ 12 calls its own deprecated get_temporary_buffer in std::stable_sort, which only clang reports.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>
  # GCC 12 reports false positives of these in std::variant and std::string under -O2 (GCC PR 105562, 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
