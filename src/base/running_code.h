// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace stile {

// A text that is another one whenever the code of this process is: it names every object that is loaded, with its build id as it is in
// memory, or, where it has none, its file's device, inode, size and times. Empty: that cannot be told.
// Facts: dl_iterate_phdr(3); NT_GNU_BUILD_ID in the GNU toolchain's notes.
std::string running_code();

}  // namespace stile
