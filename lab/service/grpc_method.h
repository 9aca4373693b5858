// The one gRPC method of the lab's services: unary, its messages are bytes, an answer is the JSON that HTTP answers
// too.
#pragma once

namespace backstitch::lab {

constexpr const char* kGrpcPath = "/backstitch.lab.Service/Call";
constexpr const char* kGrpcMethod = "backstitch.lab.Service/Call";  // as spans and trees name it

}  // namespace backstitch::lab
