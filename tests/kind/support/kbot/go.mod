module kbot

go 1.26
