# backstitch::grpc, where gRPC is.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(backstitch_grpcpp QUIET IMPORTED_TARGET grpc++>=1.51)
endif()
if(backstitch_grpcpp_FOUND AND NOT TARGET backstitch::grpc)
  add_library(backstitch::grpc INTERFACE IMPORTED)
  target_link_libraries(backstitch::grpc INTERFACE backstitch::sdk PkgConfig::backstitch_grpcpp)
endif()
