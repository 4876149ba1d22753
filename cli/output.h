// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <stile/result.h>

namespace stile::cli {

// Writes all of it to standard output, or says why not (Io): a full disk, a closed pipe. SIGPIPE must be
// ignored.
Result<void> write_stdout(std::string_view text);

// Puts `text` into the file `path`, "-" being standard output. The bytes go to a file of another name next to
// it, which takes its place only when they are on disk: a failed write leaves what was there, and nobody ever
// reads half a file. A symbolic link is followed; what is not a regular file (a device, a FIFO) is written to
// directly. The mode of a file that was there stays.
Result<void> write_output(const std::string& path, std::string_view text);

}  // namespace stile::cli
