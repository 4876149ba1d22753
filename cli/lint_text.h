// SPDX-License-Identifier: Apache-2.0
//
// Findings in words, and in the forms that other tools read.
#pragma once

#include <string>
#include <vector>

#include <stile/lint.h>

#include "terminal.h"

namespace stile::cli {

std::string findings_text(const std::vector<Finding>& findings, const std::string& path, const Style& style);
std::string findings_json(const std::vector<Finding>& findings, const std::string& path);
// SARIF 2.1.0 (OASIS), as code scanning services take it.
std::string findings_sarif(const std::vector<Finding>& findings, const std::string& path,
                           const std::string& version);
std::string checks_text(const Style& style);

}  // namespace stile::cli
