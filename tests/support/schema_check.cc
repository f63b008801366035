#include "support/schema_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <stdexcept>

#include "base/file.h"

namespace tc::test {
namespace {

constexpr std::string_view kSuffix = ".schema.json";

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  throw std::runtime_error("schema: type " + type + " is not known to this checker");
}

// Integers of either sign: nlohmann compares across its two kinds of integer by converting.
bool is_below(const Json& value, std::int64_t minimum) {
  if (value.is_number_unsigned())
    return minimum > 0 && value.get<std::uint64_t>() < static_cast<std::uint64_t>(minimum);
  return value.get<std::int64_t>() < minimum;
}

// Says something about schemas, not about values.
bool is_annotation(const std::string& keyword) {
  static const std::set<std::string> kAnnotations = {"$schema", "$id", "$defs", "title",
                                                     "description"};
  return kAnnotations.contains(keyword);
}

}  // namespace

SchemaSet SchemaSet::load(const std::string& directory) {
  std::map<std::string, Json> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(kSuffix)) continue;
    const Result<std::string> text = base::read_file(entry.path());
    if (!text) throw std::runtime_error(text.error().text());
    files.emplace(name, Json::parse(*text));
  }
  return SchemaSet(std::move(files));
}

const Json& SchemaSet::file(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) throw std::runtime_error("there is no schema " + name);
  return found->second;
}

std::vector<std::string> SchemaSet::check(const Json& value, const std::string& file_name) const {
  Violations violations;
  check(value, Place{file(file_name), file_name}, "", violations);
  return violations;
}

// "FILE#POINTER", either part of which may be missing.
SchemaSet::Place SchemaSet::follow(const std::string& reference, const std::string& from) const {
  const std::size_t hash = reference.find('#');
  const std::string name = hash == 0 ? from : reference.substr(0, hash);
  const auto found = files_.find(name);
  if (found == files_.end()) throw std::runtime_error(from + " refers to " + reference);
  if (hash == std::string::npos) return {found->second, found->first};
  return {found->second.at(Json::json_pointer(reference.substr(hash + 1))), found->first};
}

void SchemaSet::check(const Json& value, Place place, const std::string& pointer,
                      Violations& out) const {
  for (const auto& [keyword, rule] : place.schema.items())
    if (!is_annotation(keyword)) check_keyword(keyword, value, place, pointer, out);
}

void SchemaSet::check_keyword(const std::string& keyword, const Json& value, Place place,
                              const std::string& pointer, Violations& out) const {
  const Json& rule = place.schema.at(keyword);
  const auto demand = [&](bool holds, const std::string& what) {
    if (!holds) out.push_back(fmt::format("{}: {} is not {}", pointer, value.dump(), what));
  };
  if (keyword == "type") {
    demand(has_type(value, rule), "of type " + rule.get<std::string>());
  } else if (keyword == "const") {
    demand(value == rule, rule.dump());
  } else if (keyword == "enum") {
    demand(std::find(rule.begin(), rule.end(), value) != rule.end(), "one of " + rule.dump());
  } else if (keyword == "pattern") {
    const std::regex pattern(rule.get<std::string>());
    const bool holds = !value.is_string() || std::regex_search(value.get<std::string>(), pattern);
    demand(holds, "of the pattern " + rule.dump());
  } else if (keyword == "minimum") {
    demand(!value.is_number_integer() || !is_below(value, rule), "at least " + rule.dump());
  } else if (keyword == "items") {
    for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
      check(value[i], Place{rule, place.file}, fmt::format("{}/{}", pointer, i), out);
  } else if (keyword == "$ref") {
    check(value, follow(rule, place.file), pointer, out);
  } else if (keyword == "oneOf") {
    check_one_of(value, place, pointer, out);
  } else if (keyword == "properties") {
    check_object(value, place, pointer, out);
  } else if (keyword == "required") {
    for (const Json& name : rule)
      if (value.is_object() && !value.contains(name.get<std::string>()))
        out.push_back(fmt::format("{}: {} is missing", pointer, name.dump()));
  } else if (keyword != "additionalProperties") {  // which goes with properties
    throw std::runtime_error("schema: the keyword " + keyword + " is not known to this checker");
  }
}

void SchemaSet::check_object(const Json& value, Place place, const std::string& pointer,
                             Violations& out) const {
  if (!value.is_object()) return;
  const Json& properties = place.schema.at("properties");
  const bool closed = place.schema.value("additionalProperties", true) == false;
  for (const auto& [name, member] : value.items()) {
    const auto found = properties.find(name);
    if (found != properties.end())
      check(member, Place{*found, place.file}, pointer + "/" + name, out);
    else if (closed)
      out.push_back(fmt::format("{}/{}: no property of that name", pointer, name));
  }
}

void SchemaSet::check_one_of(const Json& value, Place place, const std::string& pointer,
                             Violations& out) const {
  std::size_t matching = 0;
  Violations reasons;
  for (const Json& choice : place.schema.at("oneOf")) {
    Violations violations;
    check(value, Place{choice, place.file}, pointer, violations);
    if (violations.empty()) ++matching;
    reasons.insert(reasons.end(), violations.begin(), violations.end());
  }
  if (matching == 1) return;
  out.push_back(
      fmt::format("{}: {} satisfies {} of oneOf instead of 1", pointer, value.dump(), matching));
  if (matching == 0) out.insert(out.end(), reasons.begin(), reasons.end());
}

}  // namespace tc::test
