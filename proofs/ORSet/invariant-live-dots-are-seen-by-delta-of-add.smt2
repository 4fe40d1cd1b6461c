; ORSet: invariant live dots are seen by delta of add
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |e| () Int)
(declare-fun |d| () Int)
(declare-fun |x0| () Int)
(declare-fun |x1.number| () Int)
(declare-fun |x1.replica| () Int)
(declare-fun |this.adds| (Int Int Int) Bool)
(assert (not (or (not (and (= |e| |x0|) (= |r| |x1.replica|) (= |d| |x1.number|))) (and (= |r| |x1.replica|) (= |d| |x1.number|)) (|this.adds| |e| |x1.replica| |x1.number|))))
(check-sat)
