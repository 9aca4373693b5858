// Puts the shop together: turns "cart offers POST /api/cart" and "frontend calls that" into operations with their
// semantic-convention attributes, a client span for each call that leaves a service included.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "app/gen/shop.h"

namespace backstitch::app::gen {

class ShopBuilder {
 public:
  using Id = uint16_t;

  void add_languages();
  // Returns the service's number.
  Id service(std::string_view name, std::string_view language, size_t instances);

  // `route` has {holes} where the path differs: "GET /api/products/{product}"; `extra` are further attributes.
  Id http(Id service, std::string_view route, float self_us, std::string_view extra = "");
  // `method` is "shop.CartService/GetCart".
  Id grpc(Id service, std::string_view method, float self_us, std::string_view extra = "");
  // `name` is a function; a span inside the service.
  Id internal(Id service, std::string_view name, float self_us, std::string_view extra = "");
  Id sql(Id service, std::string_view database, std::string_view table, std::string_view statement, float self_us);
  Id redis(Id service, std::string_view command, float self_us);
  Id produce(Id service, std::string_view topic);
  Id consume(Id service, std::string_view topic, float self_us);

  // `from` calls `to`: through a client span where they are of different services, as a message where `to` consumes.
  void call(Id from, Id to, Call how = {});
  void entry(Id operation, uint16_t weight) { shop_.entries.push_back({operation, weight}); }

  Shop take() { return std::move(shop_); }

 private:
  struct NewOperation {
    Id service;
    model::SpanKind kind;
    Protocol protocol;
    std::string_view library;  // the instrumentation's name behind the language's prefix
    std::string name;
    std::string attributes;
    float self_us;
  };
  Id add(const NewOperation& made);
  Id client_of(Id service, Id server);
  Id http_client(Id service, Id server);
  Id grpc_client(Id service, Id server);
  uint16_t scope_of(Id service, std::string_view library);
  // What this language's instrumentation adds to every span.
  std::string runtime_attributes(Id service) const;
  std::string resource(const Service& service, size_t instance) const;

  Shop shop_;
  std::map<Id, std::string> routes_;         // of servers
  std::map<std::pair<Id, Id>, Id> clients_;  // (calling service, server) → client operation
};

}  // namespace backstitch::app::gen
