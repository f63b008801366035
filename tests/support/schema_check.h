// JSON values against JSON Schemas: the part of JSON Schema 2020-12 that userspace/event/schema
// is written in, for tests. Not a validator for other people's schemas: a keyword it does not know
// throws instead of being passed over, so that nothing holds for want of a check.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/evidence.h"

namespace tc::test {

// Schemas that refer to one another by file name.
class SchemaSet {
 public:
  // Every *.schema.json of the directory. Throws when one cannot be read.
  static SchemaSet load(const std::string& directory);
  // One made of values, by file name.
  explicit SchemaSet(std::map<std::string, Json> files) : files_(std::move(files)) {}

  const std::map<std::string, Json>& files() const { return files_; }
  // Throws when there is none of that name.
  const Json& file(const std::string& name) const;

  // What is wrong with the value by the schema in the file, each as "POINTER: text"; empty when
  // nothing is. Throws for a reference that leads nowhere and a keyword that is not known.
  std::vector<std::string> check(const Json& value, const std::string& file_name) const;

 private:
  // A schema, and the file that its references are relative to.
  struct Place {
    const Json& schema;
    const std::string& file;
  };
  using Violations = std::vector<std::string>;

  Place follow(const std::string& reference, const std::string& from) const;
  void check(const Json& value, Place place, const std::string& pointer, Violations& out) const;
  void check_keyword(const std::string& keyword, const Json& value, Place place,
                     const std::string& pointer, Violations& out) const;
  void check_object(const Json& value, Place place, const std::string& pointer,
                    Violations& out) const;
  void check_one_of(const Json& value, Place place, const std::string& pointer,
                    Violations& out) const;

  std::map<std::string, Json> files_;
};

}  // namespace tc::test
