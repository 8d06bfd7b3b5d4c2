package main
import ("fmt";"os";"time")
func main(){ f,_:=os.Create("/tmp/x/t"); b:=make([]byte,4096*4); var d []time.Duration
for i:=0;i<300;i++{ f.Write(b); t:=time.Now(); f.Sync(); d=append(d,time.Since(t))}
var s time.Duration; var m time.Duration; for _,x:=range d{s+=x; if x>m{m=x}}; fmt.Println("avg",s/300,"max",m)}
