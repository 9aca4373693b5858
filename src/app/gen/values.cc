#include "app/gen/values.h"

#include <cassert>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <vector>

namespace backstitch::app::gen {
namespace {

constexpr std::pair<std::string_view, Hole> kHoleNames[] = {
    {"user", Hole::User},           {"session", Hole::Session},   {"order", Hole::Order},
    {"client", Hole::ClientIp},     {"agent", Hole::Agent},       {"country", Hole::Country},
    {"currency", Hole::Currency},   {"query", Hole::Query},       {"product", Hole::Product},
    {"port", Hole::Port},           {"thread", Hole::Thread},     {"bytes", Hole::Bytes},
    {"items", Hole::Items},         {"price", Hole::Price},       {"offset", Hole::Offset},
    {"partition", Hole::Partition}, {"request", Hole::RequestId}, {"peer", Hole::Peer},
    {"status", Hole::HttpStatus},   {"grpc", Hole::GrpcStatus}};

constexpr std::string_view kAgents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Mobile "
    "Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "ShopApp/8.14.2 (iOS 17.5.1; iPhone15,3)",
    "ShopApp/8.13.0 (Android 14; SM-S918B)",
    "python-requests/2.32.3",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
};
constexpr std::string_view kCountries[] = {"DE", "US", "FR", "GB", "NL", "PL", "ES", "IT", "SE", "JP", "BR", "CA"};
constexpr std::string_view kCurrencies[] = {"EUR", "USD", "EUR", "GBP", "EUR", "PLN",
                                            "EUR", "EUR", "SEK", "JPY", "BRL", "CAD"};
constexpr std::string_view kWords[] = {"telescope", "red",    "lens",  "tripod",   "binoculars", "kids",    "solar",
                                       "filter",    "travel", "mount", "eyepiece", "case",       "camera",  "star",
                                       "map",       "light",  "small", "cheap",    "laser",      "cleaning"};
constexpr size_t kWordPairs = std::size(kWords) * std::size(kWords);
constexpr size_t kProducts = 10'000;
constexpr size_t kProductBytes = 10;
constexpr char kHexDigits[] = "0123456789abcdef";

// Made once, the same in every run: a shop's range of goods does not depend on the seed.
const std::vector<char>& product_codes() {
  static const std::vector<char> codes = [] {
    base::Random random(0x50d5);
    std::vector<char> made(kProducts * kProductBytes);
    for (char& c : made) c = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[random.below(36)];
    return made;
  }();
  return codes;
}

char* append(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}
char* append_number(uint64_t number, char* out) { return std::to_chars(out, out + 20, number).ptr; }

char* append_hex(uint64_t bits, size_t digits, char* out) {
  for (size_t i = 0; i < digits; ++i) out[i] = kHexDigits[bits >> 4 * (digits - 1 - i) & 15];
  return out + digits;
}

// RFC 9562, version 4.
char* append_uuid(base::Random& random, char* out) {
  const uint64_t high = (random.next() & ~0xf000ULL) | 0x4000;
  const uint64_t low = (random.next() & ~(3ULL << 62)) | 1ULL << 63;
  out = append_hex(high >> 32, 8, out);
  *out++ = '-';
  out = append_hex(high >> 16 & 0xffff, 4, out);
  *out++ = '-';
  out = append_hex(high & 0xffff, 4, out);
  *out++ = '-';
  out = append_hex(low >> 48, 4, out);
  *out++ = '-';
  return append_hex(low & 0xffff'ffff'ffff, 12, out);
}

// Few are asked for often, many rarely: the density falls as u^-2/3.
size_t popular(base::Random& random, size_t count) {
  const double u = random.unit();
  return static_cast<size_t>(u * u * u * static_cast<double>(count));
}

char* append_price(base::Random& random, char* out) {
  const uint64_t cents = 199 + popular(random, 60'000);
  out = append_number(cents / 100, out);
  *out++ = '.';
  *out++ = static_cast<char>('0' + cents / 10 % 10);
  *out++ = static_cast<char>('0' + cents % 10);
  return out;
}

}  // namespace

std::optional<Hole> find_hole(std::string_view name) {
  for (const auto& [known, hole] : kHoleNames) {
    if (known == name) return hole;
  }
  return std::nullopt;
}

std::string instance_ip(size_t service, size_t instance) {
  return fmt::format("10.{}.{}.{}", 8 + service / 16, 16 + service * 5 % 200, 10 + instance * 37 + service);
}

TraceValues::TraceValues() { product_codes(); }

void TraceValues::draw(base::Random& random) {
  const auto keep = [](Text& text, const char* end) { text.size = static_cast<uint8_t>(end - text.bytes.data()); };
  user_.bytes[0] = 'u';
  keep(user_, append_number(100'000 + popular(random, 900'000), user_.bytes.data() + 1));
  keep(session_, append_hex(random.next(), 16, session_.bytes.data()));
  keep(order_, append_uuid(random, order_.bytes.data()));
  char* at = append_number(31 + random.below(180), client_.bytes.data());
  for (int i = 0; i < 3; ++i) {
    *at++ = '.';
    at = append_number(random.below(256), at);
  }
  keep(client_, at);
  agent_ = popular(random, std::size(kAgents));
  country_ = popular(random, std::size(kCountries));
  query_ = popular(random, kWordPairs);
}

char* TraceValues::write(Hole hole, uint8_t argument, uint16_t status, base::Random& random, char* out) const {
  const auto text = [&](const Text& kept) { return append({kept.bytes.data(), kept.size}, out); };
  switch (hole) {
    case Hole::User:
      return text(user_);
    case Hole::Session:
      return text(session_);
    case Hole::Order:
      return text(order_);
    case Hole::ClientIp:
      return text(client_);
    case Hole::Agent:
      return append(kAgents[agent_], out);
    case Hole::Country:
      return append(kCountries[country_], out);
    case Hole::Currency:
      return append(kCurrencies[country_], out);
    case Hole::Query: {
      out = append(kWords[query_ / std::size(kWords)], out);
      *out++ = '+';
      return append(kWords[query_ % std::size(kWords)], out);
    }
    case Hole::Product:
      return append({product_codes().data() + popular(random, kProducts) * kProductBytes, kProductBytes}, out);
    case Hole::Price:
      return append_price(random, out);
    case Hole::RequestId:
      return append_uuid(random, out);
    case Hole::Peer: {
      static const auto addresses = [] {
        std::array<std::array<std::string, kInstancesMax>, kServicesMax> made;
        for (size_t s = 0; s < kServicesMax; ++s) {
          for (size_t i = 0; i < kInstancesMax; ++i) made[s][i] = instance_ip(s, i);
        }
        return made;
      }();
      return append(addresses[argument][instances[argument]], out);
    }
    default:
      return append_number(static_cast<uint64_t>(number(hole, status, random)), out);
  }
}

int64_t TraceValues::number(Hole hole, uint16_t status, base::Random& random) const {
  switch (hole) {
    case Hole::Port:
      return static_cast<int64_t>(32'768 + random.below(28'232));
    case Hole::Thread:
      return static_cast<int64_t>(21 + random.below(48));
    case Hole::Bytes:
      return static_cast<int64_t>(40 + popular(random, 30'000));
    case Hole::Items:
      return static_cast<int64_t>(1 + popular(random, 12));
    case Hole::Offset:
      return static_cast<int64_t>(48'000'000 + random.below(1'000'000));
    case Hole::Partition:
      return static_cast<int64_t>(random.below(12));
    case Hole::HttpStatus:
    case Hole::GrpcStatus:
      return status;
    default:
      assert(false && "not a number");
      return 0;
  }
}

}  // namespace backstitch::app::gen
