package store
import ("testing";"context";"github.com/stoa-platform/stoa/internal/testenv")
func TestSmoke(t *testing.T){
 for _,u:=range []string{t.TempDir()+"/a.db", testenv.Postgres(t)} {
  s,err:=Open(context.Background(),u,Options{}); if err!=nil {t.Fatal(err)}
  tb,err:=s.listTables(context.Background(),s.reader); if err!=nil {t.Fatal(err)}
  for _,x:=range tb { t.Log(x) }
  if err:=s.Write(context.Background(),"user/ann",func(ctx context.Context,tx *Tx) error{ _,err:=tx.Exec(ctx,"INSERT INTO object_labels(k,v,uid) VALUES($1,$2,$3)","a","b",1);return err}); err!=nil {t.Fatal(err)}
  var n int; if err:=s.Reader().QueryRow("SELECT count(*) FROM object_labels WHERE k=$1","a").Scan(&n); err!=nil||n!=1 {t.Fatal(n,err)}
  s.Close()
 }
}
