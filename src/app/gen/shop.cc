#include "app/gen/shop.h"

#include "app/gen/shop_builder.h"

namespace backstitch::app::gen {
namespace {

using Id = ShopBuilder::Id;

constexpr Call maybe(float probability) { return {.probability = probability}; }
constexpr Call concurrent(float probability = 1) { return {.probability = probability, .mode = CallMode::Concurrent}; }
constexpr Call times(uint8_t least, uint8_t most, CallMode mode = CallMode::Sequential) {
  return {.count_min = least, .count_max = most, .mode = mode};
}

// Who offers what: the operations that more than one room of the shop uses.
struct Offers {
  Id get_product, list_products, get_cart, add_to_cart, empty_cart, convert, supported_currencies, get_ads;
  Id recommend, charge, quote, ship, email, place_order, get_user, check_session, login, stock, reserve, price, tax;
  Id coupon, reviews, add_review, image, flag, loyalty, fraud, search, orders_of, notify;
};

struct Builder {
  ShopBuilder b;
  Offers offer{};

  Id cached(Id operation, Id redis_get, Id sql, float miss) {
    b.call(operation, redis_get);
    b.call(operation, sql, maybe(miss));
    return operation;
  }

  void catalogue() {
    const Id catalog = b.service("product-catalog", "go", 3);
    offer.get_product = cached(
        b.grpc(catalog, "shop.ProductCatalog/GetProduct", 300, "app.product.id={product}"),
        b.redis(catalog, "GET product:{product}", 180),
        b.sql(catalog, "catalog", "products",
              "SELECT id, name, description, picture, price_units, price_nanos, categories FROM products WHERE id = $1",
              900),
        0.3F);
    offer.list_products = b.grpc(catalog, "shop.ProductCatalog/ListProducts", 700, "app.products.count=#24");
    b.call(offer.list_products,
           b.sql(catalog, "catalog", "products",
                 "SELECT id, name, picture, price_units FROM products WHERE active ORDER BY rank LIMIT $1 OFFSET $2",
                 2600));
    const Id pricing = b.service("pricing", "rust", 2);
    offer.price = b.grpc(pricing, "shop.Pricing/GetPrices", 150, "app.price.total={price}");
    b.call(offer.price, b.redis(pricing, "MGET price:{product} price:{product}", 150));
    const Id inventory = b.service("inventory", "java", 3);
    offer.stock = b.http(inventory, "GET /stock/{product}", 600);
    b.call(offer.stock, b.sql(inventory, "inventory", "stock",
                              "SELECT sku, available, reserved FROM stock WHERE sku = ? AND warehouse = ?", 1100));
    offer.reserve = b.http(inventory, "POST /reservations", 900, "app.order.id={order}");
    b.call(offer.reserve,
           b.sql(inventory, "inventory", "stock",
                 "UPDATE stock SET reserved = reserved + ? WHERE sku = ? AND available - reserved >= ?", 1500),
           times(1, 3));
    const Id images = b.service("image-provider", "cpp", 2);
    offer.image = b.http(images, "GET /images/{product}.webp", 350);
    const Id reviews = b.service("reviews", "python", 2);
    offer.reviews = cached(b.http(reviews, "GET /reviews/{product}?page=1", 1200),
                           b.redis(reviews, "LRANGE reviews:{product} 0 9", 220),
                           b.sql(reviews, "reviews", "reviews",
                                 "SELECT author, stars, body, created_at FROM reviews WHERE product_id = %s ORDER BY "
                                 "created_at DESC LIMIT %s",
                                 3000),
                           0.4F);
    offer.add_review = b.http(reviews, "POST /reviews/{product}", 1500);
    b.call(offer.add_review,
           b.sql(reviews, "reviews", "reviews",
                 "INSERT INTO reviews (product_id, author, stars, body) VALUES (%s, %s, %s, %s)", 2100));
  }

  void people() {
    const Id session = b.service("session", "go", 2);
    offer.check_session = b.grpc(session, "shop.Sessions/Check", 120);
    b.call(offer.check_session, b.redis(session, "HGETALL session:{session}", 160));
    const Id user = b.service("user", "java", 2);
    offer.get_user = b.http(user, "GET /users/{user}", 700);
    b.call(offer.get_user,
           b.sql(user, "users", "users", "SELECT id, email, name, locale, created_at FROM users WHERE id = ?", 950));
    const Id auth = b.service("auth", "go", 2);
    offer.login = b.http(auth, "POST /login", 42000);
    b.call(offer.login, offer.get_user);
    b.call(offer.login, b.redis(auth, "SETEX session:{session} 86400", 170));
    const Id loyalty = b.service("loyalty", "php", 2);
    offer.loyalty = b.http(loyalty, "GET /points/{user}", 1800);
    b.call(offer.loyalty,
           b.sql(loyalty, "loyalty", "points", "SELECT SUM(points) FROM points WHERE user_id = ?", 1300));
  }

  void advertising() {
    const Id flags = b.service("feature-flags", "go", 2);
    offer.flag = b.grpc(flags, "flagd.evaluation.v1.Service/ResolveBoolean", 90, "feature_flag.key=new-checkout");
    const Id ads = b.service("ad", "java", 2);
    offer.get_ads = b.grpc(ads, "shop.AdService/GetAds", 400, "app.ads.category=telescopes|app.ads.count=#{items}");
    b.call(offer.get_ads, offer.flag, maybe(0.4F));
    const Id recommendation = b.service("recommendation", "python", 2);
    offer.recommend = b.grpc(recommendation, "shop.Recommendation/List", 1400);
    b.call(offer.recommend, b.internal(recommendation, "rank_candidates", 5200, "app.model.version=2026-05-30"));
    b.call(offer.recommend, offer.list_products, maybe(0.6F));
    const Id search = b.service("search", "java", 3);
    offer.search = b.http(search, "GET /search?q={query}&page=1", 900);
    b.call(offer.search, b.internal(search, "SearchPlanner.plan", 450, "app.search.query={query}"));
    b.call(offer.search, b.internal(search, "Shard.query", 6200, "app.search.query={query}"),
           times(2, 5, CallMode::Concurrent));
    b.call(offer.search, offer.price, maybe(0.7F));
  }

  void money() {
    const Id currency = b.service("currency", "cpp", 2);
    offer.convert = b.grpc(currency, "shop.Currency/Convert", 80, "app.currency.to={currency}");
    offer.supported_currencies = b.grpc(currency, "shop.Currency/GetSupportedCurrencies", 70);
    const Id tax = b.service("tax", "go", 2);
    offer.tax = b.grpc(tax, "shop.Tax/Calculate", 240, "app.tax.country={country}|app.tax.amount={price}");
    const Id coupon = b.service("coupon", "ruby", 2);
    offer.coupon = b.http(coupon, "GET /coupons/validate?user={user}", 1600);
    b.call(offer.coupon, b.redis(coupon, "SISMEMBER coupons:{user} SUMMER26", 200));
    const Id fraud = b.service("fraud-detection", "java", 2);
    offer.fraud = b.grpc(fraud, "shop.Fraud/Score", 2200, "app.fraud.score={price}");
    b.call(
        offer.fraud,
        b.sql(fraud, "fraud", "history",
              "SELECT count(*), max(amount) FROM history WHERE user_id = ? AND at > now() - interval '30 day'", 2400));
    const Id payment = b.service("payment", "nodejs", 2);
    offer.charge =
        b.grpc(payment, "shop.Payment/Charge", 3200, "app.payment.amount={price}|app.payment.card_type=visa");
    b.call(offer.charge, offer.fraud);
    const Id bank = b.http(b.service("card-gateway", "java", 2), "POST /v2/charges", 52000, "app.order.id={order}");
    b.call(offer.charge, bank);
    b.call(offer.charge,
           b.sql(payment, "payments", "payments",
                 "INSERT INTO payments (order_id, amount, currency, state) VALUES ($1, $2, $3, $4)", 1700));
  }

  void delivery() {
    const Id quote = b.service("quote", "php", 2);
    offer.quote = b.http(quote, "POST /quote", 1500, "app.quote.items=#{items}|app.quote.cost={price}");
    const Id shipping = b.service("shipping", "rust", 2);
    offer.ship = b.http(shipping, "POST /ship-order", 1200, "app.shipping.tracking_id={request}");
    b.call(offer.ship, offer.quote);
    b.call(offer.ship,
           b.sql(shipping, "shipping", "parcels",
                 "INSERT INTO parcels (order_id, carrier, tracking_id, address_id) VALUES ($1, $2, $3, $4)", 1400));
    const Id email = b.service("email", "ruby", 2);
    offer.email = b.http(email, "POST /send_order_confirmation", 9000, "app.order.id={order}|app.email.template=order");
    const Id notification = b.service("notification", "nodejs", 2);
    offer.notify = b.consume(notification, "order-events", 2600);
    b.call(offer.notify, offer.get_user);
    b.call(offer.notify, offer.email, maybe(0.8F));
  }

  void buying() {
    const Id cart = b.service("cart", "dotnet", 3);
    offer.get_cart = b.grpc(cart, "shop.CartService/GetCart", 250, "app.cart.items=#{items}");
    b.call(offer.get_cart, b.redis(cart, "HGET cart:{user} items", 170));
    offer.add_to_cart =
        b.grpc(cart, "shop.CartService/AddItem", 320, "app.product.id={product}|app.product.quantity=#1");
    b.call(offer.add_to_cart, b.redis(cart, "HGET cart:{user} items", 170));
    b.call(offer.add_to_cart, b.redis(cart, "HSET cart:{user} items {product}:1", 190));
    offer.empty_cart = b.grpc(cart, "shop.CartService/EmptyCart", 200);
    b.call(offer.empty_cart, b.redis(cart, "DEL cart:{user}", 150));
    const Id order = b.service("order", "java", 3);
    offer.orders_of = b.http(order, "GET /orders?user={user}&limit=10", 1300);
    b.call(offer.orders_of,
           b.sql(order, "orders", "orders",
                 "SELECT id, state, total, created_at FROM orders WHERE user_id = ? ORDER BY created_at DESC "
                 "LIMIT ?",
                 1900));
    const Id line =
        b.sql(order, "orders", "lines", "SELECT order_id, sku, quantity, price FROM lines WHERE order_id = ?", 800);
    b.call(offer.orders_of, line, times(1, 30));  // one query per order: the classic
    checkout(order);
  }

  void checkout(Id order) {
    const Id checkout = b.service("checkout", "go", 3);
    offer.place_order =
        b.grpc(checkout, "shop.Checkout/PlaceOrder", 900, "app.order.id={order}|app.order.amount={price}");
    const Id prepare = b.internal(checkout, "prepareOrderItems", 700, "app.order.id={order}");
    b.call(prepare, offer.get_cart);
    b.call(prepare, offer.get_product, times(1, 4));
    b.call(prepare, offer.convert, times(1, 2));
    b.call(offer.place_order, prepare);
    b.call(offer.place_order, offer.coupon, maybe(0.3F));
    b.call(offer.place_order, offer.tax, concurrent());
    b.call(offer.place_order, offer.reserve, concurrent());
    b.call(offer.place_order, offer.charge);
    b.call(offer.place_order, offer.ship);
    b.call(offer.place_order, offer.empty_cart, maybe(0.9F));
    const Id send = b.produce(checkout, "orders");
    b.call(offer.place_order, send);
    const Id store = b.consume(order, "orders", 1900);
    b.call(store,
           b.sql(order, "orders", "orders",
                 "INSERT INTO orders (id, user_id, total, currency, state) VALUES (?, ?, ?, ?, 'placed')", 1800));
    const Id announce = b.produce(order, "order-events");
    b.call(store, announce);
    b.call(announce, offer.notify);
    b.call(send, store);
    const Id accounting = b.service("accounting", "dotnet", 2);
    const Id book = b.consume(accounting, "orders", 2300);
    b.call(book, b.sql(accounting, "ledger", "bookings",
                       "INSERT INTO bookings (order_id, account, debit, credit) VALUES (@p0, @p1, @p2, @p3)", 1500));
    b.call(send, book, maybe(0.9F));
    const Id warehouse = b.service("warehouse", "java", 2);
    const Id pick = b.consume(warehouse, "order-events", 3100);
    b.call(pick,
           b.sql(warehouse, "warehouse", "picks",
                 "INSERT INTO picks (order_id, sku, shelf, robot) SELECT ?, sku, shelf, ? FROM shelves WHERE sku = ?",
                 2900));
    b.call(announce, pick, maybe(0.9F));
    const Id sync = b.internal(warehouse, "StockSync.run", 2500, "app.job.name=stock-sync");
    b.call(sync, b.sql(warehouse, "warehouse", "shelves",
                       "SELECT sku, sum(quantity) FROM shelves WHERE updated_at > ? GROUP BY sku LIMIT 500", 21000));
    b.call(sync, offer.reserve, times(1, 8));
    b.call(sync, b.redis(warehouse, "SET stock:{product} {price}", 180), times(2, 30));
    b.entry(sync, 12);
  }

  void pages() {
    const Id gateway = b.service("gateway", "cpp", 2);
    const Id web = b.service("frontend", "nodejs", 4);
    const auto visit = [&](std::string_view route, float self_us, uint16_t weight) {
      const Id inner = b.http(web, route, self_us);
      const Id outer = b.http(gateway, route, 260, "app.gateway.upstream=frontend");
      b.call(outer, inner);
      b.entry(outer, weight);
      return inner;
    };
    const Id home = visit("GET /", 2400, 100);
    b.call(home, offer.check_session);
    b.call(home, offer.supported_currencies, maybe(0.5F));
    b.call(home, offer.list_products, concurrent());
    b.call(home, offer.recommend, concurrent(0.5F));
    b.call(home, offer.get_ads, concurrent(0.6F));
    const Id product = visit("GET /products/{product}", 1900, 260);
    b.call(product, offer.get_product);
    b.call(product, offer.reviews, concurrent(0.5F));
    b.call(product, offer.stock, concurrent(0.6F));
    b.call(product, offer.convert, maybe(0.4F));
    const Id cart = visit("GET /cart", 1700, 110);
    b.call(cart, offer.check_session);
    b.call(cart, offer.get_cart);
    b.call(cart, offer.get_product, times(1, 5, CallMode::Concurrent));
    const Id add = visit("POST /cart", 1500, 90);
    b.call(add, offer.flag, maybe(0.3F));
    b.call(add, offer.add_to_cart);
    const Id buy = visit("POST /checkout", 2100, 75);
    b.call(buy, offer.check_session);
    b.call(buy, b.internal(web, "validateForm", 300, "app.form=checkout"));
    b.call(buy, offer.place_order);
    const Id search = visit("GET /search?q={query}", 1600, 120);
    b.call(search, offer.search);
    b.call(search, offer.get_product, times(0, 6, CallMode::Concurrent));
    const Id orders = visit("GET /account/orders", 1800, 60);
    b.call(orders, offer.check_session);
    b.call(orders, offer.orders_of);
    const Id account = visit("GET /account", 1500, 50);
    b.call(account, offer.get_user);
    b.call(account, offer.loyalty, maybe(0.7F));
    b.call(visit("POST /login", 900, 40), offer.login);
    b.call(visit("POST /reviews/{product}", 1100, 25), offer.add_review);
    const Id image = b.http(gateway, "GET /images/{product}.webp", 200, "app.gateway.upstream=image-provider");
    b.call(image, offer.image);
    b.entry(image, 90);
    mobile(gateway);
  }

  void mobile(Id gateway) {
    const Id bff = b.service("mobile-bff", "nodejs", 3);
    const Id query = b.http(bff, "POST /graphql", 2600, "graphql.operation.name=HomeFeed|graphql.operation.type=query");
    const Id outer = b.http(gateway, "POST /graphql", 260, "app.gateway.upstream=mobile-bff");
    b.call(outer, query);
    b.call(query, offer.check_session);
    const Id resolve = b.internal(bff, "resolve HomeFeed.products", 350, "graphql.field.path=homeFeed.products");
    b.call(resolve, offer.get_product, times(1, 5, CallMode::Concurrent));
    b.call(query, resolve);
    b.call(query, offer.price, concurrent());
    b.call(query, offer.get_ads, concurrent(0.5F));
    b.call(query, offer.loyalty, concurrent(0.4F));
    b.entry(outer, 100);
  }
};

}  // namespace

std::shared_ptr<const Shop> Shop::make() {
  Builder builder;
  builder.b.add_languages();
  builder.catalogue();
  builder.people();
  builder.advertising();
  builder.money();
  builder.delivery();
  builder.buying();
  builder.pages();
  return std::make_shared<const Shop>(builder.b.take());
}

}  // namespace backstitch::app::gen
