# The SDK's own tests, in the build of the whole tree: what it sends is read by the server's decoder.
file(GLOB test_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/src/*_test.cc")
add_executable(sdk_cpp_test ${test_sources})
target_include_directories(sdk_cpp_test PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(sdk_cpp_test PRIVATE backstitch_sdk bs_wire_otlp dep_zlib GTest::gtest GTest::gmock
  GTest::gtest_main backstitch_warnings)
set_target_properties(sdk_cpp_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
gtest_discover_tests(sdk_cpp_test TEST_PREFIX "sdk_cpp." DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300 LABELS unit)

# Each public header compiles alone as C++17, with nothing but the standard library; coroutines need C++20.
file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}/include"
  "${CMAKE_CURRENT_SOURCE_DIR}/include/backstitch/*.h")
set(header_sources "")
foreach(header ${headers})
  string(REGEX REPLACE "[/.]" "_" file "${header}")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/header_checks/${file}.cc")
  file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n")
  if(header MATCHES "coroutine")
    set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "-std=c++20")
  endif()
  list(APPEND header_sources "${source}")
endforeach()

# The instrumentations' headers and tests, as far as the libraries that they are for are here.
foreach(name ${instrumentations})
  include("${CMAKE_CURRENT_SOURCE_DIR}/cmake/backstitch-${name}.cmake")
  if(NOT TARGET backstitch::${name})
    message(NOTICE "skipped: sdk_${name}: its library is not installed")
    continue()
  endif()
  set(source "${CMAKE_CURRENT_BINARY_DIR}/header_checks/instrumentation_${name}.cc")
  file(CONFIGURE OUTPUT "${source}" CONTENT "#include <backstitch/instrumentation/${name}.h>\n")
  add_library(sdk_cpp_${name}_header OBJECT EXCLUDE_FROM_ALL "${source}")
  target_link_libraries(sdk_cpp_${name}_header PRIVATE backstitch::${name} backstitch_warnings)
  target_compile_options(sdk_cpp_${name}_header PRIVATE -O0 -g0)
  set_target_properties(sdk_cpp_${name}_header PROPERTIES CXX_STANDARD 17)
  list(APPEND instrumentation_headers sdk_cpp_${name}_header)

  add_executable(sdk_${name}_test instrumentation/${name}_test.cc)
  target_include_directories(sdk_${name}_test PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(sdk_${name}_test PRIVATE backstitch::${name} bs_wire_otlp GTest::gtest GTest::gmock
    GTest::gtest_main backstitch_warnings)
  set_target_properties(sdk_${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  gtest_discover_tests(sdk_${name}_test TEST_PREFIX "sdk_${name}." DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT 300 LABELS unit)
endforeach()

add_library(sdk_cpp_headers OBJECT EXCLUDE_FROM_ALL ${header_sources})
target_include_directories(sdk_cpp_headers PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/include")
target_compile_options(sdk_cpp_headers PRIVATE -O0 -g0 -Wpedantic)
target_link_libraries(sdk_cpp_headers PRIVATE backstitch_warnings)
set_target_properties(sdk_cpp_headers PROPERTIES CXX_STANDARD 17)
if(instrumentation_headers)
  add_dependencies(sdk_cpp_headers ${instrumentation_headers})
endif()
add_test(NAME lint.sdk_headers COMMAND ${CMAKE_COMMAND} --build "${CMAKE_BINARY_DIR}" --target sdk_cpp_headers)
set_tests_properties(lint.sdk_headers PROPERTIES LABELS lint TIMEOUT 600 RUN_SERIAL ON)
