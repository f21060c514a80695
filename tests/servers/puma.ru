# The server "puma". It answers /count with the number of its other answers.
counted = 0
lock = Mutex.new
run(lambda do |env|
  n = lock.synchronize { env["PATH_INFO"] == "/count" ? counted : counted += 1 }
  [200, { "content-type" => "text/plain" }, [env["PATH_INFO"] == "/count" ? n.to_s : "hello"]]
end)
