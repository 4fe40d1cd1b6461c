; MVRegister: invariant live dots are seen by delta of write
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |v| () Int)
(declare-fun |d| () Int)
(declare-fun |x0| () Int)
(declare-fun |x1.number| () Int)
(declare-fun |x1.replica| () Int)
(declare-fun |born:writes[]| (Int Int) Int)
(declare-fun |this.writes| (Int Int Int) Bool)
(assert (not (or (not (and (= |v| |x0|) (= |r| |x1.replica|) (= |d| |x1.number|))) (and (= |r| |x1.replica|) (= |d| |x1.number|)) (|this.writes| (|born:writes[]| |x1.replica| |x1.number|) |x1.replica| |x1.number|))))
(check-sat)
