#include "app/gen/shop_builder.h"

#include <cassert>
#include <fmt/format.h>

namespace backstitch::app::gen {

using model::SpanKind;

namespace {

constexpr char kFieldTag1 = 0x0a;
constexpr char kFieldTag2 = 0x12;
constexpr char kSpanAttributes = 0x4a;
constexpr int kHttpPort = 8080;
constexpr int kGrpcPort = 50051;

uint64_t stable_number(std::string_view text) {
  uint64_t hash = 14695981039346656037ULL;  // FNV-1a: resources must be the same in every build
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ULL;
  return base::Random(hash).next();
}

std::string stable_hex(const std::string& text, size_t digits) {
  std::string hex;
  for (int part = 0; hex.size() < digits; ++part) {
    hex += fmt::format("{:016x}", stable_number(fmt::format("{}#{}", text, part)));
  }
  return hex.substr(0, digits);
}

std::string stable_uuid(const std::string& text) {
  std::string hex = stable_hex(text, 32);
  hex[12] = '4';
  hex[16] = 'a';
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

// "/products/{product}" → "/products/:productId": what the router's pattern says.
std::string route_pattern(std::string_view path) {
  std::string pattern;
  for (const char c : path.substr(0, path.find('?'))) {
    pattern += c == '{' ? ":" : c == '}' ? "Id" : std::string(1, c);
  }
  return pattern;
}

std::string join(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return std::string(a) + std::string(b);
  return fmt::format("{}|{}", a, b);
}

}  // namespace

void ShopBuilder::add_languages() {
  shop_.languages = {
      {"java", "1.49.0", "21.0.3+9-LTS", "java.sql.SQLTransientConnectionException",
       "HikariPool-1 - Connection is not available, request timed out after 3000ms.",
       "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after "
       "3000ms.\n\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)\n\tat "
       "com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:181)\n\tat "
       "com.zaxxer.hikari.HikariDataSource.getConnection(HikariDataSource.java:100)\n\tat "
       "org.hibernate.resource.jdbc.internal.LogicalConnectionManagedImpl.acquireConnectionIfNeeded"
       "(LogicalConnectionManagedImpl.java:113)\n\tat shop.persistence.Repository.load(Repository.java:88)\n\tat "
       "shop.api.RequestHandler.handle(RequestHandler.java:41)\n\tat "
       "java.base/java.lang.Thread.run(Thread.java:1583)\n",
       "io.opentelemetry."},
      {"nodejs", "2.0.1", "22.3.0", "FetchError", "connect ECONNREFUSED: upstream closed the connection",
       "FetchError: connect ECONNREFUSED: upstream closed the connection\n    at ClientRequest.<anonymous> "
       "(/app/node_modules/node-fetch/lib/index.js:1501:11)\n    at ClientRequest.emit (node:events:519:28)\n    at "
       "Socket.socketErrorListener (node:_http_client:500:9)\n    at emitErrorNT (node:internal/streams/destroy:169:8)"
       "\n    at process.processTicksAndRejections (node:internal/process/task_queues:82:21)",
       "@opentelemetry/instrumentation-"},
      {"go", "1.35.0", "go1.23.4", "*errors.errorString", "context deadline exceeded",
       "goroutine 4711 [running]:\nruntime/debug.Stack()\n\t/usr/local/go/src/runtime/debug/stack.go:26 +0x64\n"
       "main.(*server).handle(0xc0001b2000, {0x1a2b3c0, 0xc000412000})\n\t/src/handler.go:142 +0x2f4\n"
       "net/http.HandlerFunc.ServeHTTP(...)\n\t/usr/local/go/src/net/http/server.go:2220\n",
       "go.opentelemetry.io/contrib/instrumentation/"},
      {"python", "1.30.0", "3.12.4", "TimeoutError", "model server did not answer within 2.0 s",
       "Traceback (most recent call last):\n  File \"/app/service.py\", line 118, in handle\n    result = "
       "self.model.predict(features, timeout=2.0)\n  File \"/app/model.py\", line 64, in predict\n    raise "
       "TimeoutError(\"model server did not answer within 2.0 s\")\nTimeoutError: model server did not answer within "
       "2.0 s\n",
       "opentelemetry.instrumentation."},
      {"dotnet", "1.11.2", "8.0.6", "System.InvalidOperationException", "Sequence contains no matching element",
       "System.InvalidOperationException: Sequence contains no matching element\n   at "
       "System.Linq.ThrowHelper.ThrowNoMatchException()\n   at Shop.Handlers.RequestHandler.HandleAsync(Request "
       "request)"
       " in /src/Handlers/RequestHandler.cs:line 57\n   at "
       "Microsoft.AspNetCore.Routing.EndpointMiddleware.<Invoke>g__AwaitRequestTask|7_0(Endpoint endpoint, Task "
       "requestTask, ILogger logger)\n",
       "OpenTelemetry.Instrumentation."},
      {"rust", "0.29.0", "1.79.0", "sqlx::Error", "pool timed out while waiting for an open connection", "",
       "opentelemetry-"},
      {"ruby", "1.8.0", "3.3.3", "Net::OpenTimeout", "execution expired",
       "/usr/local/lib/ruby/3.3.0/net/protocol.rb:46:in `ssl_socket_connect': execution expired (Net::OpenTimeout)\n"
       "\tfrom /app/mailer.rb:73:in `deliver'\n\tfrom /app/server.rb:29:in `block in <main>'\n",
       "OpenTelemetry::Instrumentation::"},
      {"php", "1.2.3", "8.3.8", "RuntimeException", "could not lock row: deadlock found",
       "#0 /app/src/Quote.php(88): App\\Quote->lock()\n#1 /app/public/index.php(31): App\\Quote->run()\n#2 {main}",
       "io.opentelemetry.contrib.php."},
      {"cpp", "1.20.0", "13.2.0", "std::runtime_error", "no rate for currency", "", "opentelemetry-cpp-"}};
}

ShopBuilder::Id ShopBuilder::service(std::string_view name, std::string_view language, size_t instances) {
  Service made{.name = std::string(name), .language = 0, .resources = {}, .scopes = {}, .scope_names = {}};
  while (shop_.languages[made.language].name != language) ++made.language;
  assert(instances <= kInstancesMax && shop_.services.size() < kServicesMax);
  for (size_t i = 0; i < instances; ++i) made.resources.push_back(resource(made, i));
  shop_.services.push_back(std::move(made));
  return static_cast<Id>(shop_.services.size() - 1);
}

std::string ShopBuilder::resource(const Service& service, size_t instance) const {
  const Language& language = shop_.languages[service.language];
  const std::string identity = fmt::format("{}/{}", service.name, instance);
  const std::string replica_set = stable_hex(service.name, 10);
  const std::string pod = fmt::format("{}-{}-{}", service.name, replica_set, stable_hex(identity, 5));
  const std::string version =
      fmt::format("{}.{}.{}", 1 + stable_number(service.name) % 4, stable_number(replica_set) % 30, instance / 2);
  const std::string text = fmt::format(
      "service.name={0}|service.version={1}|service.instance.id={2}|deployment.environment.name=production|"
      "host.name={3}|process.runtime.version={4}|telemetry.sdk.name=opentelemetry|"
      "telemetry.sdk.language={5}|telemetry.sdk.version={6}|k8s.namespace.name=shop|k8s.deployment.name={0}",
      service.name, version, stable_uuid(identity), pod, language.runtime_version, language.name, language.sdk_version);
  const AttributeTemplate attributes(text, kFieldTag1);
  std::string encoded(attributes.size_max(), '\0');
  base::Random unused(0);
  encoded.resize(static_cast<size_t>(attributes.write({}, 0, unused, encoded.data()) - encoded.data()));
  return encoded;
}

uint16_t ShopBuilder::scope_of(Id service, std::string_view library) {
  Service& owner = shop_.services[service];
  const Language& language = shop_.languages[owner.language];
  const std::string name = library.empty() ? "shop." + owner.name : language.scope_prefix + std::string(library);
  for (size_t i = 0; i < owner.scope_names.size(); ++i) {
    if (owner.scope_names[i] == name) return static_cast<uint16_t>(i);
  }
  std::string encoded;
  append_field(encoded, kFieldTag1, name);
  if (!library.empty()) append_field(encoded, kFieldTag2, language.sdk_version);
  owner.scopes.push_back(std::move(encoded));
  owner.scope_names.push_back(name);
  return static_cast<uint16_t>(owner.scopes.size() - 1);
}

std::string ShopBuilder::runtime_attributes(Id service) const {
  const std::string& language = shop_.languages[shop_.services[service].language].name;
  if (language == "java") return "thread.id=#{thread}|thread.name=http-nio-8080-exec-7";
  if (language == "dotnet") return "thread.id=#{thread}";
  if (language == "rust") return "code.module.name=shop::handlers|thread.id=#{thread}|thread.name=tokio-runtime-worker";
  return "";
}

ShopBuilder::Id ShopBuilder::add(const NewOperation& made) {
  Operation operation;
  operation.service = made.service;
  operation.scope = scope_of(made.service, made.library);
  operation.kind = made.kind;
  operation.protocol = made.protocol;
  operation.name = made.name;
  operation.attributes = AttributeTemplate(join(made.attributes, runtime_attributes(made.service)), kSpanAttributes);
  operation.self_us = made.self_us;
  shop_.operations.push_back(std::move(operation));
  return static_cast<Id>(shop_.operations.size() - 1);
}

ShopBuilder::Id ShopBuilder::http(Id service, std::string_view route, float self_us, std::string_view extra) {
  const size_t space = route.find(' ');
  const std::string_view method = route.substr(0, space);
  const std::string_view target = route.substr(space + 1);
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string pattern = route_pattern(target);
  const bool is_edge = shop_.services[service].name == "gateway";  // where browsers arrive
  std::string attributes = fmt::format(
      "http.request.method={0}|url.scheme=http|url.path={1}|http.route={2}|http.response.status_code=#{{status}}|"
      "server.address={3}|server.port=#{4}|client.address={{client}}|"
      "network.peer.port=#{{port}}|user_agent.original={5}|app.request.id={{request}}",
      method, path, pattern, shop_.services[service].name, kHttpPort, is_edge ? "{agent}" : "node-fetch/1.0");
  if (path.size() != target.size()) attributes += fmt::format("|url.query={}", target.substr(path.size() + 1));
  const Id id = add({service, SpanKind::Server, Protocol::Http, "http", fmt::format("{} {}", method, pattern),
                     join(attributes, extra), self_us});
  routes_[id] = route;
  return id;
}

ShopBuilder::Id ShopBuilder::http_client(Id service, Id server) {
  const std::string& route = routes_.at(server);
  const Id callee = shop_.operations[server].service;
  const size_t space = route.find(' ');
  const std::string method = route.substr(0, space);
  const std::string attributes = fmt::format(
      "http.request.method={0}|url.full=http://{1}:{2}{3}|url.template={4}|server.address={1}|server.port=#{2}|"
      "http.response.status_code=#{{status}}|http.response.body.size=#{{bytes}}|"
      "network.peer.address={{peer:{5}}}|network.peer.port=#{2}|enduser.id={{user}}",
      method, shop_.services[callee].name, kHttpPort, route.substr(space + 1), route_pattern(route.substr(space + 1)),
      callee);
  return add({service, SpanKind::Client, Protocol::Http, "http", method, attributes, 420});
}

ShopBuilder::Id ShopBuilder::grpc(Id service, std::string_view method, float self_us, std::string_view extra) {
  const size_t slash = method.find('/');
  const std::string attributes = fmt::format(
      "rpc.system=grpc|rpc.service={}|rpc.method={}|rpc.grpc.status_code=#{{grpc}}|server.address={}|server.port=#{}|"
      "network.transport=tcp|network.peer.port=#{{port}}|app.request.id={{request}}|enduser.id={{user}}|"
      "app.session.country={{country}}",
      method.substr(0, slash), method.substr(slash + 1), shop_.services[service].name, kGrpcPort);
  const Id id =
      add({service, SpanKind::Server, Protocol::Grpc, "grpc", std::string(method), join(attributes, extra), self_us});
  routes_[id] = method;
  return id;
}

ShopBuilder::Id ShopBuilder::grpc_client(Id service, Id server) {
  const std::string& method = routes_.at(server);
  const Id callee = shop_.operations[server].service;
  const size_t slash = method.find('/');
  const std::string attributes = fmt::format(
      "rpc.system=grpc|rpc.service={}|rpc.method={}|rpc.grpc.status_code=#{{grpc}}|server.address={}|server.port=#{}|"
      "network.transport=tcp|network.peer.address={{peer:{}}}|network.peer.port=#{}|"
      "app.session.id={{session}}",
      method.substr(0, slash), method.substr(slash + 1), shop_.services[callee].name, kGrpcPort, callee, kGrpcPort);
  return add({service, SpanKind::Client, Protocol::Grpc, "grpc", method, attributes, 260});
}

ShopBuilder::Id ShopBuilder::internal(Id service, std::string_view name, float self_us, std::string_view extra) {
  const std::string attributes = fmt::format(
      "code.function.name={}|code.file.path=src/{}/handlers|code.line.number=#{}|app.user.id={{user}}|"
      "app.session.id={{session}}|app.session.country={{country}}|app.currency={{currency}}|"
      "app.task.id={{request}}|app.cache.hit=?false|app.items.count=#{{items}}",
      name, shop_.services[service].name, 20 + stable_number(name) % 400);
  return add(
      {service, SpanKind::Internal, Protocol::Internal, "", std::string(name), join(attributes, extra), self_us});
}

ShopBuilder::Id ShopBuilder::sql(Id service, std::string_view database, std::string_view table,
                                 std::string_view statement, float self_us) {
  const std::string_view verb = statement.substr(0, statement.find(' '));
  const std::string attributes = fmt::format(
      "db.system.name=postgresql|db.namespace={0}|db.collection.name={1}|db.operation.name={2}|"
      "db.query.text={3}|db.query.parameter.0={{session}}|server.address=postgres-{0}.shop.svc|"
      "server.port=#5432|network.peer.address=10.8.40.{4}|db.response.returned_rows=#{{items}}|"
      "db.client.connection.id=#{{port}}",
      database, table, verb, statement, 10 + stable_number(database) % 200);
  return add({service, SpanKind::Client, Protocol::Database, "jdbc", fmt::format("{} {}.{}", verb, database, table),
              attributes, self_us});
}

ShopBuilder::Id ShopBuilder::redis(Id service, std::string_view command, float self_us) {
  const std::string_view verb = command.substr(0, command.find(' '));
  const std::string attributes = fmt::format(
      "db.system.name=redis|db.operation.name={}|db.query.text={}|db.namespace=0|"
      "server.address=redis-{}.shop.svc|server.port=#6379|network.peer.address=10.8.41.{}|"
      "network.transport=tcp|db.response.body.size=#{{bytes}}|db.client.connection.id=#{{port}}",
      verb, command, shop_.services[service].name, 10 + service);
  return add({service, SpanKind::Client, Protocol::Database, "redis", std::string(verb), attributes, self_us});
}

ShopBuilder::Id ShopBuilder::produce(Id service, std::string_view topic) {
  const std::string attributes = fmt::format(
      "messaging.system=kafka|messaging.destination.name={0}|messaging.operation.type=send|"
      "messaging.operation.name=publish|messaging.client.id={1}-producer|messaging.kafka.message.key={{order}}|"
      "messaging.destination.partition.id={{partition}}|messaging.kafka.offset=#{{offset}}|"
      "messaging.message.body.size=#{{bytes}}|server.address=kafka.shop.svc|server.port=#9092",
      topic, shop_.services[service].name);
  return add({service, SpanKind::Producer, Protocol::Messaging, "kafka-clients", fmt::format("{} publish", topic),
              attributes, 900});
}

ShopBuilder::Id ShopBuilder::consume(Id service, std::string_view topic, float self_us) {
  const std::string attributes = fmt::format(
      "messaging.system=kafka|messaging.destination.name={0}|messaging.operation.type=process|"
      "messaging.operation.name=process|messaging.consumer.group.name={1}|messaging.client.id=consumer-{1}-1|"
      "messaging.kafka.message.key={{order}}|messaging.destination.partition.id={{partition}}|"
      "messaging.kafka.offset=#{{offset}}|messaging.message.body.size=#{{bytes}}|"
      "messaging.kafka.consumer.lag=#{{items}}",
      topic, shop_.services[service].name);
  return add({service, SpanKind::Consumer, Protocol::Messaging, "kafka-clients", fmt::format("{} process", topic),
              attributes, self_us});
}

ShopBuilder::Id ShopBuilder::client_of(Id service, Id server) {
  const auto [found, is_new] = clients_.emplace(std::pair(service, server), 0);
  if (!is_new) return found->second;
  found->second =
      shop_.operations[server].protocol == Protocol::Grpc ? grpc_client(service, server) : http_client(service, server);
  shop_.operations[found->second].calls.push_back({.operation = server});
  return found->second;
}

void ShopBuilder::call(Id from, Id to, Call how) {
  const Operation& callee = shop_.operations[to];
  if (callee.kind == SpanKind::Consumer) {
    how.mode = CallMode::Detached;
  } else if (callee.kind == SpanKind::Server) {
    to = client_of(shop_.operations[from].service, to);
  }
  how.operation = to;
  shop_.operations[from].calls.push_back(how);
}

}  // namespace backstitch::app::gen
