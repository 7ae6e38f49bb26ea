module gatepost.test/send

go 1.19
