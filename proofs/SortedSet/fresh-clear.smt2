; SortedSet: fresh clear
; unsat means proved
(set-logic ALL)
(declare-fun |x0.number| () Int)
(declare-fun |x0.replica| () Int)
(declare-fun |born:scores[]| (Int Int) Int)
(declare-fun |Scalar.delta.forgets| (Int Int) Bool)
(declare-fun |this.scores.live| (Int Int Int) Bool)
(declare-fun |this.seen| (Int Int) Bool)
(define-fun t!1 () Bool (|this.scores.live| (|born:scores[]| |x0.replica| |x0.number|) |x0.replica| |x0.number|))
(define-fun t!2 () Bool (|this.seen| |x0.replica| |x0.number|))
(assert (not (or (not (and (|Scalar.delta.forgets| |x0.replica| |x0.number|) t!1 t!2)) (and t!2 t!1))))
(check-sat)
