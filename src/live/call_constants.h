// SPDX-License-Identifier: Apache-2.0
//
// Names of the values that system calls take, for showing them, on machines that number them as x86-64 does.
// What has no name here is shown as a number.
#pragma once

#include <cstdint>
#include <string>

namespace stile::live {

enum class Constants {
  OpenFlags,
  AtFlags,
  Protections,
  MapFlags,
  CloneFlags,
  FcntlCommands,
  PrctlOptions,
  SocketFamilies,
  SocketTypes,
  SocketFlags,
  Ioctls,
  Signals,
  AccessModes,
  Madvice,
  FutexOperations,
  FutexFlags,
};

// The value's name, or the number in hexadecimal.
std::string value_name(Constants family, uint64_t value);
// Names joined by "|", with the rest as a number; "0" for nothing.
std::string flag_names(Constants family, uint64_t value);

}  // namespace stile::live
