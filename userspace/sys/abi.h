// The kernel's structs as x86-64 lays them out, from structs.def: abi::stat is a plain struct with
// typed fields, abi::stat::kLayout tells its fields to the decoder.
#pragma once

#include <cstddef>

#include "sys/argument.h"
#include "sys/constants.h"
#include "tc/map.h"

namespace tc::sys {

// The type of a struct's field: a scalar's own, or another struct's, embedded.
template <class T>
constexpr ArgumentType field_type() {
  if constexpr (HasLayout<T>)
    return {.shape = Shape::kEmbedded, .leaf = Leaf::kObject, .layout = &T::kLayout};
  else
    return T::kType;
}

namespace abi {

#define TC_STRUCT_FIELD(type, name) type name;
#define TC_STRUCT_ROW(type, field) \
  FieldLayout{#field, static_cast<std::uint32_t>(offsetof(Self, field)), field_type<type>()},
// The layout needs the complete struct, hence the base class.
#define STRUCT(NAME, ...)                                                                   \
  struct NAME##_fields {                                                                    \
    TC_MAP(TC_STRUCT_FIELD, __VA_ARGS__)                                                    \
  };                                                                                        \
  struct NAME##_rows {                                                                      \
    using Self = NAME##_fields;                                                             \
    static constexpr FieldLayout kFields[] = {TC_MAP(TC_STRUCT_ROW, __VA_ARGS__)};          \
  };                                                                                        \
  struct NAME : NAME##_fields {                                                             \
    static constexpr Layout kLayout = {#NAME, sizeof(NAME##_fields), NAME##_rows::kFields}; \
  };
#include "sys/structs.def"
#undef STRUCT
#undef TC_STRUCT_FIELD
#undef TC_STRUCT_ROW

}  // namespace abi
}  // namespace tc::sys
