# backstitch_folder(wire/otlp DEPS model dep_protozero)
#
# Makes the library bs_wire_otlp of the folder's .cc files and, where the folder has *_test.cc files, the
# program wire_otlp_test of those, registered with ctest test by test. A new file needs no edit here.
# SUITES are folders of tests that the program runs too: linked whole, since nothing names what is in them.
function(backstitch_folder folder)
  cmake_parse_arguments(arg "" "" "DEPS;TEST_DEPS;SUITES" ${ARGN})
  string(REPLACE "/" "_" name "${folder}")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${folder}/*.cc")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/main\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  set(links "")
  foreach(dep ${arg_DEPS})
    if(dep MATCHES "^dep_")
      list(APPEND links ${dep})
    else()
      string(REPLACE "/" "_" dep "${dep}")
      list(APPEND links "bs_${dep}")
    endif()
  endforeach()

  if(sources)
    add_library(bs_${name} STATIC ${sources})
    target_include_directories(bs_${name} PUBLIC "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(bs_${name} PUBLIC ${links} PRIVATE backstitch_warnings)
  else()
    add_library(bs_${name} INTERFACE)
    target_include_directories(bs_${name} INTERFACE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(bs_${name} INTERFACE ${links})
  endif()

  set_property(GLOBAL APPEND PROPERTY BACKSTITCH_FOLDERS bs_${name})

  if(tests)
    set(test_links "")
    foreach(dep ${arg_TEST_DEPS})
      string(REPLACE "/" "_" dep "${dep}")
      list(APPEND test_links "bs_${dep}")
    endforeach()
    foreach(suite ${arg_SUITES})
      string(REPLACE "/" "_" suite "${suite}")
      list(APPEND test_links "$<LINK_LIBRARY:WHOLE_ARCHIVE,bs_${suite}>")
    endforeach()
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE bs_${name} ${test_links} GTest::gtest GTest::gmock GTest::gtest_main
      backstitch_warnings)
    set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
      PROPERTIES TIMEOUT 300 LABELS unit)
  endif()
endfunction()

include(GoogleTest)
