; ORMap: invariant live dots are seen by delta of touch
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |k| () Int)
(declare-fun |d| () Int)
(declare-fun |x0| () Int)
(declare-fun |x1.number| () Int)
(declare-fun |x1.replica| () Int)
(declare-fun |this.entries.here| (Int Int Int) Bool)
(assert (not (or (not (and (= |k| |x0|) (= |r| |x1.replica|) (= |d| |x1.number|))) (and (= |r| |x1.replica|) (= |d| |x1.number|)) (|this.entries.here| |k| |x1.replica| |x1.number|))))
(check-sat)
