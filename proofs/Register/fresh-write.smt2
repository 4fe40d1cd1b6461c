; Register: fresh write
; unsat means proved
(set-logic ALL)
(declare-fun |x0.number| () Int)
(declare-fun |x0.replica| () Int)
(declare-fun |this.present| (Int Int) Bool)
(declare-fun |this.seen| (Int Int) Bool)
(declare-fun |born| (Int Int) Int)
(define-fun t!1 () Bool (|this.present| |x0.replica| |x0.number|))
(define-fun t!2 () Bool (|this.seen| |x0.replica| |x0.number|))
(assert (not (or (not t!1) (and t!2 t!1))))
(assert (or (not t!1) (and t!2 (= 0 (|born| |x0.replica| |x0.number|)))))
(check-sat)
