# backstitch::httplib, where cpp-httplib is.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(backstitch_cpp_httplib QUIET IMPORTED_TARGET cpp-httplib>=0.11)
endif()
if(backstitch_cpp_httplib_FOUND AND NOT TARGET backstitch::httplib)
  add_library(backstitch::httplib INTERFACE IMPORTED)
  target_link_libraries(backstitch::httplib INTERFACE backstitch::sdk PkgConfig::backstitch_cpp_httplib)
endif()
