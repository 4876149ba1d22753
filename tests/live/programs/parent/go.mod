module parent

go 1.19
