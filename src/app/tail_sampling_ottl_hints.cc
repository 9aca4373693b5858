#include "app/tail_sampling_ottl_hints.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "app/terminal.h"
#include "sample/ottl_parser.h"

namespace backstitch::app {

namespace {

using sample::OttlField;
using sample::OttlNode;
using sample::OttlTree;
using Kind = OttlNode::Kind;

const sample::OttlPath* attribute_of(const OttlTree& tree, uint32_t node) {
  if (tree.nodes[node].kind != Kind::Path) return nullptr;
  const sample::OttlPath& path = tree.paths[tree.nodes[node].path];
  return path.field == OttlField::Attribute ? &path : nullptr;
}

bool is_nil(const OttlTree& tree, uint32_t node) {
  return tree.nodes[node].kind == Kind::Literal && tree.nodes[node].literal.kind == sample::OttlValue::Kind::Nil;
}

// Keys of attributes that are compared by != with something, and nowhere with nil.
std::vector<std::string> keys_that_may_be_absent(const OttlTree& tree) {
  std::vector<std::string> unequal;
  std::set<std::string> asked_for;  // compared with nil
  for (const OttlNode& node : tree.nodes) {
    if (node.kind != Kind::Compare) continue;
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const sample::OttlPath* path = attribute_of(tree, node.parts[side]);
      if (path == nullptr) continue;
      if (is_nil(tree, node.parts[1 - side])) {
        asked_for.insert(path->key);
      } else if (node.comparison == sample::OttlComparison::NotEqual) {
        unequal.push_back(path->key);
      }
    }
  }
  std::erase_if(unequal, [&](const std::string& key) { return asked_for.contains(key); });
  return unequal;
}

void add_hints(const std::vector<std::string>& texts, sample::OttlContext context, std::vector<std::string>& hints) {
  for (const std::string& text : texts) {
    const auto tree = sample::parse_ottl(text, context);
    if (!tree) continue;
    const bool is_span = context == sample::OttlContext::Span;
    for (const std::string& key : keys_that_may_be_absent(*tree)) {
      hints.push_back(fmt::format("`!=` holds for {} without \"{}\" too; add `and … != nil` if that is not meant.",
                                  is_span ? "spans" : "events", harmless(key)));
    }
    const OttlNode& root = tree->nodes[tree->root];
    if (root.kind != Kind::Literal) continue;
    hints.push_back(fmt::format("`{}` is always {}.", harmless(text), root.literal.boolean));
  }
}

}  // namespace

std::vector<std::string> ottl_hints(const sample::OttlCondition& rule) {
  std::vector<std::string> hints;
  add_hints(rule.span, sample::OttlContext::Span, hints);
  add_hints(rule.span_event, sample::OttlContext::SpanEvent, hints);
  return hints;
}

}  // namespace backstitch::app
