; HyperLogLog: invariant sketch.own_deletes by delta of add
; unsat means proved
(set-logic ALL)
(declare-fun |some| () Bool)
(declare-fun |r0| () Int)
(declare-fun |this.sketch.deletes.present| (Int) Bool)
(declare-fun |this.sketch.deletes.replica| (Int) Int)
(define-fun t!1 () Bool (|this.sketch.deletes.present| |r0|))
(define-fun t!2 () Bool (= |r0| (|this.sketch.deletes.replica| |r0|)))
(assert (not (or (not (ite (not |some|) t!1 (and |some| t!1))) t!2)))
(assert (or (not t!1) t!2))
(check-sat)
