// A lab as containers, for people who prefer them: the topology as a compose file, and the image that it builds.
#pragma once

#include <string>

#include "app/lab/topology.h"

namespace backstitch::app::lab {

// The same services under their names, and beside them a server that keeps their traces. Roots are reached on the ports
// of this machine that the topology gives them, else on free ones. `build_context` is the project's folder,
// `dockerfile` the path of what to_dockerfile() says.
std::string to_compose(const Topology& topology, const std::string& build_context, const std::string& dockerfile);

// Builds the server and the lab's service from source, and copies both with the libraries that they need into an image
// without compilers.
std::string to_dockerfile();
// What of the project's folder is not for the image: Dockerfile.dockerignore.
std::string to_dockerignore();

}  // namespace backstitch::app::lab
