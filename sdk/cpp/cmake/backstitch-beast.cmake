# backstitch::beast, where Boost's headers are.
find_package(Boost 1.81 QUIET)
if(Boost_FOUND AND NOT TARGET backstitch::beast)
  add_library(backstitch::beast INTERFACE IMPORTED)
  target_link_libraries(backstitch::beast INTERFACE backstitch::sdk Boost::headers)
endif()
